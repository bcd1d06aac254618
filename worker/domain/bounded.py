"""What other systems are told, made fit for them: never too long, and without characters that only do harm."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST_LINE = 200
LONGEST_TEXT = 1000
MOST_ITEMS = 20

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, halves of characters


def text(value: str, most: int = LONGEST_TEXT) -> str:
    """The beginning of a text."""
    return _HARMFUL.sub("\ufffd", value[:most].replace("\r\n", "\n"))


def line(value: str, most: int = LONGEST_LINE) -> str:
    """The beginning of a text, on one line."""
    return " ".join(text(value[: 4 * most], 4 * most).split())[:most]


def value(anything: Any, most: int = LONGEST_LINE) -> Any:
    """The same for each text inside JSON, and of each list the beginning."""
    if isinstance(anything, str):
        return text(anything, most)
    if isinstance(anything, list | tuple):
        return [value(each, most) for each in anything[:MOST_ITEMS]]
    if isinstance(anything, dict):
        return {name: value(each, most) for name, each in anything.items()}
    return anything


def within(data: dict[str, Any], size: int) -> dict[str, Any]:
    """The same JSON in at most `size` bytes: the longest texts are cut by halves, as often as it takes."""
    fitting, most = data, LONGEST_TEXT
    while len(json.dumps(fitting, ensure_ascii=False).encode("utf-8", "replace")) > size and most:
        most //= 2
        fitting = value(data, most)
    return fitting
