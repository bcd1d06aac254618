"""The few statistics that the tables show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the sorted, not empty values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(micros: Sequence[float]) -> dict[str, float]:
    """p50, p99, p99.9 and max of microseconds, as milliseconds; NaN where nothing was measured."""
    ordered = sorted(micros)
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: percentile(ordered, share) / 1000 if ordered else math.nan for name, share in shares.items()}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """The median, smallest and largest quotient of what was measured in pairs."""
    quotients = [mine / other for mine, other in zip(ours, theirs, strict=True) if other]
    return (median(quotients), min(quotients), max(quotients)) if quotients else (math.nan,) * 3


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much y grows per unit of x, by least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    below = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / below if below else 0.0
