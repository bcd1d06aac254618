"""The report of a run: Markdown with a table per measurement, and the plots beside it as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.chart import svg
from bench.findings import Cell, Findings, Record, Table

INTRODUCTION = (
    "Measured by `python -m bench`, which measures and never asserts. Compare the columns of one table with each "
    "other: they were measured in turns within one run on one machine. Figures of different machines, or of different "
    "runs, say little."
)


def write(folder: Path, name: str, records: Mapping[str, Record]) -> Path:
    """`<name>.md` and `<name>-<plot>.svg`; returns the path of the first."""
    for record in records.values():
        for plot in record.findings.plots:
            (folder / _plot_file(name, plot.name)).write_text(svg(plot), "utf-8")
    page = folder / f"{name}.md"
    page.write_text(render(name, list(records.values())), "utf-8")
    return page


def render(name: str, records: Sequence[Record]) -> str:
    """The whole page."""
    lines = ["# Benchmarks", "", INTRODUCTION, ""]
    for record in records:
        lines += _section(name, record)
    lines += ["## Machine", ""]
    machines = {tuple(record.machine.items()): record for record in records}
    for described in machines:
        parts = ", ".join(record.part for record in records if tuple(record.machine.items()) == described)
        lines += [f"Of: {parts}.", "", "| | |", "|---|---|"]
        lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in described]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def markdown(table: Table) -> str:
    """One table; numbers to the right, with three significant digits."""
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    rows = [[_cell(cell) for cell in row] for row in (table.columns, *table.rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], rule, *rows[1:]))


def number(value: float) -> str:
    """Three significant digits, whole from 100 on, thousands apart; NaN is a dash."""
    if not math.isfinite(value):
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def text(findings: Findings) -> str:
    """The tables of one part, for a terminal."""
    return "\n\n".join(f"{table.title}\n{markdown(table)}" for table in findings.tables)


def _section(name: str, record: Record) -> Iterator[str]:
    findings = record.findings
    yield f"## {findings.title}"
    yield ""
    yield f"`{record.command}`, {record.began} UTC, {number(record.seconds)} s."
    if record.conditions:
        yield "Around it: " + ", ".join(f"{key} {value}" for key, value in record.conditions.items()) + "."
    yield ""
    if findings.told:
        yield from [*(f"- {sentence}" for sentence in findings.told), ""]
    for table in findings.tables:
        yield from [f"**{table.title}**", "", markdown(table), ""]
    for plot in findings.plots:
        yield from [f"![{plot.title}]({_plot_file(name, plot.name)})", ""]


def _cell(value: Cell) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("|", "\\|").replace("\n", " ")
    return f"{value:,}" if isinstance(value, int) else number(value)


def _plot_file(name: str, plot: str) -> str:
    return f"{name}-{plot}.svg"
