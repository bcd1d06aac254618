"""What one part found out: words, tables and plots, as they are kept in JSON and shown in the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first column names the row, None is shown as a dash."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over x. `name` becomes part of the file's name."""

    name: str
    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Sequence[float]]]
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """`told` are sentences: what was done, and what to know when reading the figures."""

    title: str
    told: Sequence[str] = ()
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Findings with their circumstances: `began` is UTC, `machine` words by heading."""

    part: str
    command: str
    began: str
    seconds: float
    machine: Mapping[str, str]
    findings: Findings
    conditions: Mapping[str, str] = field(default_factory=dict)


def load(path: Path) -> dict[str, Record]:
    """The records of a run by part; empty when there is no such file."""
    if not path.exists():
        return {}
    return {one["part"]: _record(one) for one in json.loads(path.read_text("utf-8"))}


def save(path: Path, records: Mapping[str, Record]) -> None:
    """Keep them, in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in records.values()], indent=1) + "\n", "utf-8")


def _record(said: dict[str, Any]) -> Record:
    found = said.pop("findings")
    tables = [Table(**table) for table in found.pop("tables")]
    plots = [Plot(**plot) for plot in found.pop("plots")]
    return Record(**said, findings=Findings(**found, tables=tables, plots=plots))
