"""What goes wrong on request: answers of the API, and the habits of the webhook sender."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

KINDS = (
    "400",
    "401",
    "402",
    "403",
    "404",
    "410",
    "422",
    "429",
    "500",
    "503",
    "html",
    "redirect",
    "message_limit",
    "timeout",
    "drip",
    "cut",
    "500_after_store",
    "timeout_after_store",
    "cut_after_store",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong answer: `times` calls in a row (None: until changed) whose method and path match, if given.

    The `…_after_store` kinds do what was asked and then fail, as Chatwoot does under load."""

    kind: str
    times: int | None = 1
    method: str | None = None
    path: str = ""
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(KINDS)}")

    @property
    def after_store(self) -> bool:
        """Whether the call is carried out all the same."""
        return self.kind.endswith("_after_store")

    def matches(self, method: str, path: str) -> bool:
        """Whether this call is meant."""
        return self.path in path and self.method in (None, method)


@dataclass(frozen=True, slots=True)
class Habits:
    """How webhooks go astray, as shares of all of them (0 to 1): the same again under the same delivery id or under a
    new one, held back so that later ones overtake, or never sent."""

    duplicates: float = 0.0
    copies: float = 0.0
    reorder: float = 0.0
    drops: float = 0.0
    hold_seconds: float = 0.5


class Faults:
    """The faults in force; taken by the server call by call."""

    def __init__(self, stall_seconds: float = 30.0) -> None:
        self.stall_seconds = stall_seconds
        self._lock = threading.Lock()
        self._queue: list[Fault] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults; they apply in this order, each to the calls it matches."""
        with self._lock:
            self._queue = list(faults)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, if any; counts it."""
        with self._lock:
            for place, fault in enumerate(self._queue):
                if fault.matches(method, path):
                    if fault.times is not None:
                        rest = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                        self._queue[place : place + 1] = rest
                    return fault
        return None


def read_fault(row: Mapping[str, Any]) -> Fault:
    """A fault from JSON; raises ValueError for what it does not know."""
    known = {field.name for field in fields(Fault)}
    if unknown := set(row) - known:
        raise ValueError(f"unknown keys {sorted(unknown)}; known: {sorted(known)}")
    return Fault(**row)


def read_habits(row: Mapping[str, Any]) -> Habits:
    """Habits from JSON; raises ValueError for what it does not know."""
    known = {field.name for field in fields(Habits)}
    if unknown := set(row) - known:
        raise ValueError(f"unknown keys {sorted(unknown)}; known: {sorted(known)}")
    return Habits(**{name: float(value) for name, value in row.items()})
