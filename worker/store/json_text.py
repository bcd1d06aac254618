"""JSON as text that every database takes: NUL and lone surrogates, which PostgreSQL refuses, survive as escapes."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def dump(value: Any) -> str:
    """Compact. Times become ISO text, enums their words, dataclasses objects."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def load(text: str) -> Any:
    """What was dumped, as JSON has it."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # the escape of a lone surrogate
        return json.loads(text)
