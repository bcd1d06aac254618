"""Facts and tickets as JSON and back, exactly: the row is the truth, so nothing may be lost in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.json import Decoder

from worker.domain.facts import Fact
from worker.domain.ticket import Event, Ticket
from worker.store import json_text

T = TypeVar("T")

_KINDS: Mapping[str, type[Fact]] = {kind.__name__.lower(): kind for kind in get_args(Fact)}
_FACTS: Mapping[str, Decoder[Fact]] = {name: Decoder(kind) for name, kind in _KINDS.items()}
_TICKET = Decoder(Ticket)
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(fact: Fact) -> str:
    """The word that says which class to read it back as: message, snapshot, answer …"""
    return _NAMES[type(fact)]


def dump(value: Fact | Ticket) -> str:
    """Only what JSON has: times as ISO text in UTC, enums as their words."""
    return json_text.dump(value)


def dump_data(event: Event) -> Any:
    """The data of an event."""
    return dict(event.data)


def load_fact(kind: str, text: str) -> Fact:
    """The fact that was dumped."""
    return _load(text, _FACTS[kind])


def load_ticket(text: str | None) -> Ticket | None:
    """The ticket that was dumped; None for a row that has none yet."""
    return None if text is None else _load(text, _TICKET)


def _load(text: str, decoder: Decoder[T]) -> T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:  # see json_text; else it says what is wrong
        return msgspec.convert(json_text.load(text), decoder.type)
