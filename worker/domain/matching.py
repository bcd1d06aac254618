"""Matching words and values of a policy, without case, punctuation or typographic quotes getting in the way."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"\w+(?:'\w+)*")


def prose(text: str) -> str:
    """The words of a text, lower case, each between single spaces, so that a phrase is found by `in`."""
    return f" {' '.join(_WORD.findall(text.casefold().replace('’', chr(39))))} "


@lru_cache(maxsize=4096)  # many rules look at one text, and each of them many times while a ticket is decided
def found(words: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Those of `words` (words or phrases, matched whole) that `text`, made by `prose`, contains."""
    return tuple([word for word, phrase in _phrases(words) if phrase in text])


def named(wanted: tuple[str, ...], value: str | None) -> bool:
    """Whether a matcher names the value; an empty matcher matches everything. Case does not count."""
    return not wanted or (value is not None and value.casefold() in _folded(wanted))


def named_any(wanted: tuple[str, ...], values: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the values that the matcher names; an empty matcher names none."""
    if not wanted or not values:
        return ()
    names = _folded(wanted)
    return tuple(value for value in values if value.casefold() in names)


@lru_cache(maxsize=1024)
def _phrases(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((word, phrase) for word in words if (phrase := prose(word)).strip())


@lru_cache(maxsize=1024)
def _folded(wanted: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.casefold() for word in wanted)
