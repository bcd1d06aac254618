"""How reads are shown: tables for people, one JSON object per line for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.shapes import dumps

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
limited = click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many."
)
_LONGEST_WHOLE_WORD = 20  # up to here words stay in one piece where a table must wrap
_OFF_TERMINAL_WIDTH = 160  # rich would cut at 80 columns when nobody is looking


def console(*, stderr: bool = False) -> Console:
    """A console that obeys NO_COLOR, and in a pipe is as wide as COLUMNS says, else wide enough."""
    stream = sys.stderr if stderr else sys.stdout
    asked = os.environ.get("COLUMNS", "")
    width = None if stream.isatty() else int(asked) if asked.isdecimal() and int(asked) else _OFF_TERMINAL_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """One object per line; times as ISO in UTC with microseconds, so that they sort as text."""
    for row in rows:
        click.echo(dumps(row))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table, or the sentence `empty`. Values are text, never markup."""
    held = [tuple(row) for row in rows]
    words = [max((len(word) for row in held for word in cell(row[n]).split()), default=0) for n in range(len(columns))]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for n, column in enumerate(columns):
        whole = n == 0 or any(isinstance(row[n], datetime) for row in held)
        table.add_column(column, overflow="fold", no_wrap=whole, min_width=min(words[n], _LONGEST_WHOLE_WORD))
    for row in held:
        table.add_row(*(Text(cell(value)) for value in row))
    if held:
        console().print(table)
    else:
        click.echo(empty)


def cell(value: Any) -> str:
    """A value for a person: times without microseconds, nothing for nothing, no control characters."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, timedelta):
        return span(value.total_seconds())
    return clean(str(value))


def clean(text: str) -> str:
    """Customers choose some of these words: escape sequences must not reach the operator's terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in text)


def shortened(text: str, most: int = 60) -> str:
    """One readable line."""
    line = " ".join(clean(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def span(seconds: float) -> str:
    """Seconds in words: `1 h 30 m`, `45 s`, `0.5 s`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    rest, words = round(seconds), []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:3]) or "0 s"
