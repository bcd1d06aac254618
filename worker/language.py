"""Languages as people and programs write them (`de`, `de-DE`, `de_AT`, `de;q=0.9, en`), read as two letters."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST = 20  # of a header: whoever speaks more languages is a machine
_TAG = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z0-9]{1,8})*")
_QUALITY = re.compile(r"q=([01](?:\.\d{1,3})?)")


def two_letters(value: object) -> str:
    """`pt` for `pt-BR`; nothing for what is no language tag, or one of three letters."""
    tag = _TAG.fullmatch(value.strip()) if isinstance(value, str) else None
    return tag[1].lower() if tag is not None else ""


def preferred(header: object) -> tuple[str, ...]:
    """The languages of an Accept-Language or Content-Language header, the dearest first, those refused left out."""
    if not isinstance(header, str):
        return ()
    found: list[tuple[float, str]] = []
    for part in header.split(",", _MOST)[:_MOST]:
        tag, _, parameter = part.partition(";")
        quality = _QUALITY.fullmatch(parameter.strip())
        weight = float(quality[1]) if quality is not None else 1.0
        if (language := two_letters(tag)) and weight > 0:
            found.append((-weight, language))
    return tuple(dict.fromkeys(language for _, language in sorted(found, key=lambda each: each[0])))


def first_of(values: Iterable[object]) -> str:
    """The dearest language of the first value that names one; nothing if none does."""
    return next((languages[0] for value in values if (languages := preferred(value))), "")
