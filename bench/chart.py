"""A line chart as SVG, by hand: no library is worth its weight for a few lines over a few points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from bench.findings import Plot

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 44, 52
COLOURS = ("#0b62a4", "#c8501e", "#3d8c40", "#7a4fa3", "#8a6d1f", "#0f8b8d", "#b5306e", "#555555")
TICKS = 5
Scale = Callable[[float], float]


def svg(plot: Plot) -> str:
    """The plot. Colours are told apart on white and on black; every line is also named where it ends."""
    points = [(float(x), float(y)) for line in plot.lines.values() for x, y in line]
    xs, ys = [x for x, _ in points] or [1.0], [y for _, y in points] or [1.0]
    top = _ceiling(max(ys))
    across = _scale(min(xs), max(xs), LEFT, WIDTH - RIGHT, log=plot.log_x)
    up = _scale(0.0, top, HEIGHT - BOTTOM, TOP, log=False)
    marks = sorted(set(xs)) if plot.log_x else _ticks(min(xs), max(xs))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{escape(plot.title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">{escape(plot.title)}</text>',
            *_grid(plot, marks, _ticks(0.0, top), across, up),
            *_lines(plot, across, up),
            "</svg>\n",
        ]
    )


def _grid(
    plot: Plot, x_marks: Sequence[float], y_marks: Sequence[float], across: Scale, up: Scale
) -> Iterator[str]:  # fmt: skip
    for y in y_marks:
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="#e2e2e2"/>'
        yield f'<text x="{LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end" fill="#444444">{_short(y)}</text>'
    below = HEIGHT - BOTTOM + 18
    for x in x_marks:
        yield f'<text x="{across(x):.1f}" y="{below}" text-anchor="middle" fill="#444444">{_short(x)}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{escape(plot.x)}</text>'
    yield f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(plot.y)}</text>'


def _lines(plot: Plot, across: Scale, up: Scale) -> Iterator[str]:
    ends = sorted((up(line[-1][1]) if line else 0.0, name) for name, line in plot.lines.items())
    heights: dict[str, float] = {}
    lowest = -math.inf
    for y, name in ends:  # names may not cover each other
        lowest = heights[name] = max(y, lowest + 15)
    for n, (name, line) in enumerate(plot.lines.items()):
        colour = COLOURS[n % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        if len(line) <= 20:
            yield from (f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in line)
        yield f'<text x="{WIDTH - RIGHT + 10}" y="{heights[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>'


def _scale(low: float, high: float, start: float, end: float, *, log: bool) -> Scale:
    bend = math.log10 if log else float
    bottom, span = bend(low), (bend(high) - bend(low)) or 1.0
    return lambda value: start + (bend(value) - bottom) / span * (end - start)


def _ceiling(value: float) -> float:
    """The next 1, 1.5, 2, 3, 5 or 7 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7, 10) if step * power >= value * (1 - 1e-9))


def _ticks(low: float, high: float) -> list[float]:
    return [low + (high - low) * n / TICKS for n in range(TICKS + 1)] if high > low else [low]


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
