"""Typed ids on the command line: d17 is a delivery, t9 a ticket, e4 an effect, a3 an activity."""

from __future__ import annotations

import re
from typing import Any

import click

KINDS = {"d": "delivery", "t": "ticket", "e": "effect", "a": "activity"}
LARGEST = 2**63 - 1


class Id(click.ParamType[int]):
    """One kind of id; the letter may be left out."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.name = f"{KINDS[letter]} id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error that says which kind is wanted."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([dtea]?)(\d{1,19})", value.strip().lower())
        if match is None or not 0 < int(match[2]) <= LARGEST:
            self.fail(f"{value!r} is not an id. Write {self.letter}17, for example.", param, ctx)
        if match[1] not in ("", self.letter):
            self.fail(f"{value} is {_a(match[1])}; {_a(self.letter)} ({self.letter}…) is wanted here.", param, ctx)
        return int(match[2])


class AnyId(click.ParamType[tuple[str, int]]):
    """An id whose letter says what it is."""

    name = "id"

    def __init__(self, letters: str) -> None:
        self.letters = letters

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """(letter, number)."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([dtea])(\d{1,19})", value.strip().lower())
        if match is None or match[1] not in self.letters or not 0 < int(match[2]) <= LARGEST:
            wanted = " or ".join(f"{letter}17 for {_a(letter)}" for letter in self.letters)
            self.fail(f"{value!r} does not say what it is. Write {wanted}.", param, ctx)
        return match[1], int(match[2])


DELIVERY, TICKET, EFFECT, ACTIVITY = Id("d"), Id("t"), Id("e"), Id("a")


def _a(letter: str) -> str:
    return f"an {KINDS[letter]}" if letter in "ea" else f"a {KINDS[letter]}"
