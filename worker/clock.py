"""Time is an argument: one protocol, the real clock, and one that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can tell the time as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime) -> None:
        self._at = aware(at)

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a timedelta or a number of seconds; returns the new time."""
        self._at += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._at


def aware(at: datetime) -> datetime:
    """The same instant in UTC; raises ValueError for a datetime without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at!r}")
    return at.astimezone(UTC)


def from_micros(micros: int) -> datetime:
    """Exact, where datetime.fromtimestamp would round a float."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def to_micros(at: datetime) -> int:
    """Whole microseconds since 1970, exact."""
    return (aware(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
