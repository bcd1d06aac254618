"""Reading a TOML table with care: every mistake is collected with its line, unknown keys get a suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Path = tuple[str | int, ...]
Value = TypeVar("Value")

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*\.?""")
_DURATION = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+(?:\.\d+)?)s)?")


def line_numbers(text: str) -> dict[Path, int]:
    """Where each key and table header stands; tomllib does not say. Good enough to point a person at the line."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    open_quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if open_quote:
            open_quote = "" if open_quote in line else open_quote
            continue
        if header := _HEADER.match(line):
            prefix = _resolve(_parts(header[2]), counts, array=header[1] == "[[")
            found.setdefault(prefix, number)
        elif key := _KEY.match(line):
            found.setdefault((*prefix, *_parts(key[1])), number)
        for quote in ('"""', "'''"):
            if line.count(quote) % 2:
                open_quote = quote
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


def _resolve(parts: tuple[str, ...], counts: dict[Path, int], *, array: bool) -> Path:
    """A header's path with the index of each array of tables it passes through."""
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    path = (*path, parts[-1]) if parts else path
    if array:
        counts[path] = counts.get(path, -1) + 1
        path = (*path, counts[path])
    return path


@dataclass
class Mistakes:
    """All that is wrong in one file, each as: file:line: what, remedy."""

    file: str
    lines: Mapping[Path, int]
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: Path, what: str, remedy: str) -> None:
        """Note a mistake at the line of `path`, or of the nearest thing around it."""
        places = (path, (*path, 0), *(path[:n] for n in range(len(path) - 1, 0, -1)))  # 0: the first [[table]] of it
        line = next((self.lines[place] for place in places if place in self.lines), 1)
        self.found.append((line, f"{self.file}:{line}: {what}. {remedy}"))

    def sentences(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(sentence for _, sentence in sorted(self.found, key=lambda each: each[0]))


class Table:
    """One table of the file. Each method reads one key, notes what is wrong and then answers the default."""

    def __init__(self, path: Path, values: Mapping[str, Any], mistakes: Mistakes) -> None:
        self.path, self.values, self.mistakes = path, values, mistakes
        self._asked: list[str] = []

    def wrong(self, key: str, what: str, remedy: str) -> None:
        """Note a mistake about one key of this table."""
        self.mistakes.add((*self.path, key), what, remedy)

    def read(self, key: str, default: Value, convert: Callable[[Any], Value]) -> Value:
        """The converted value; a ValueError of `convert` becomes a mistake with its text as the remedy."""
        self._asked.append(key)
        if key not in self.values:
            return default
        try:
            return convert(self.values[key])
        except ValueError as exc:
            self.wrong(key, f"{key} cannot be {shown(self.values[key])}", str(exc))
            return default

    def required(self, key: str) -> str:
        """A text that must be there."""
        if key not in self.values:
            self._asked.append(key)
            self.wrong(key, f"{key} is missing", f'Add {key} = "…".')
            return ""
        return self.read(key, "", words)

    def tables(self, key: str) -> tuple[Table, ...]:
        """The `[[key]]` tables in order."""
        self._asked.append(key)
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.wrong(key, f"{key} is not a list of tables", f"Write [[{key}]] above each.")
            return ()
        return tuple(Table((*self.path, key, n), each, self.mistakes) for n, each in enumerate(value))

    def table(self, key: str) -> Table:
        """The `[key]` table, empty when it is not there."""
        self._asked.append(key)
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"{key} is not a table", f"Write [{key}] on a line of its own, its keys below.")
            value = {}
        return Table((*self.path, key), value, self.mistakes)

    def finish(self) -> None:
        """Note every key nobody asked for, with the likely one."""
        for key in self.values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, n=1)
                remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(self._asked))}."
                self.wrong(key, f"{key} is not known", remedy)


def shown(value: object) -> str:
    """A value as an operator would recognise it, cut to a readable length."""
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else f"{text[:57]}…"


def words(value: Any) -> str:
    """A text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError('Write a text in quotes, for example "billing".')
    return value.strip()


def list_of_words(value: Any, *, example: str = '["refund", "invoice"]') -> tuple[str, ...]:
    """A list of texts; `example` is for who wrote something else."""
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        raise ValueError(f"Write a list of texts, for example {example}.")
    return tuple(each.strip() for each in value)


def some_of(options: Sequence[str]) -> Callable[[Any], tuple[str, ...]]:
    """A list of texts, each one of `options`."""

    def convert(value: Any) -> tuple[str, ...]:
        each = list_of_words(value, example=f'["{options[0]}"]')
        if strange := [word for word in each if word not in options]:
            raise ValueError(f"{_list(strange)} is not one of {', '.join(options)}.{_near(strange[0], options)}")
        return each

    return convert


def one_of(options: Sequence[str]) -> Callable[[Any], str]:
    """One text out of `options`."""

    def convert(value: Any) -> str:
        if value not in options:
            raise ValueError(f"Write one of {', '.join(options)}.{_near(str(value), options)}")
        return str(value)

    return convert


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number within bounds."""

    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"Write a whole number from {low} to {high}.")
        return value

    return convert


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("Write true or false.")
    return value


def duration(value: Any) -> timedelta:
    """A time such as "45s", "10m", "1h30m" or "7d", more than nothing."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None and any(match.groups()):
        days, hours, minutes, seconds = (float(each or 0) for each in match.groups())
        if days <= 3650 and (span := timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)):
            return span
    raise ValueError('Write a time with its unit, for example "45s", "10m", "1h30m" or "7d".')


def instant(value: Any) -> datetime:
    """A date and time with its offset, as UTC: the same moment is the same value, however it is written."""
    if not isinstance(value, datetime) or value.tzinfo is None or not 1 < value.year < 9999:
        raise ValueError("Write a date and time with its offset, without quotes, for example 2027-01-01T00:00:00Z.")
    return value.astimezone(UTC)


def _list(each: Iterable[str]) -> str:
    return ", ".join(each)


def _near(word: str, options: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, options, n=1)
    return f" Did you mean {near[0]}?" if near else ""
