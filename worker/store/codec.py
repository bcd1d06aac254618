"""Facts and tickets as JSON and back, exactly: the row is the truth, so nothing may be lost in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from worker.domain.facts import Fact
from worker.domain.ticket import Event, Ticket

_KINDS: Mapping[str, type[Fact]] = {kind.__name__.lower(): kind for kind in get_args(Fact)}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(fact: Fact) -> str:
    """The word that says which class to read it back as: message, snapshot, answer …"""
    return _NAMES[type(fact)]


def dump(value: Fact | Ticket) -> Any:
    """Only what JSON has: times as ISO text in UTC, enums as their words."""
    return msgspec.to_builtins(value)


def dump_data(event: Event) -> Any:
    """The data of an event."""
    return msgspec.to_builtins(dict(event.data))


def load_fact(kind: str, data: Any) -> Fact:
    """The fact that was dumped."""
    return msgspec.convert(data, _KINDS[kind])


def load_ticket(data: Any) -> Ticket | None:
    """The ticket that was dumped; None for a row that has none yet."""
    return None if data is None else msgspec.convert(data, Ticket)
