"""Text that fits its column: PostgreSQL refuses NUL, lone surrogates and what is too long, and mail contains all three.

What was received is kept exactly in the raw request and in JSON columns; this is for the columns beside them.
"""

from __future__ import annotations

import hashlib

_DIGEST = 32  # hex digits: enough that two different keys never become one


def text(value: str, most: int) -> str:
    """The same words, with U+FFFD for what cannot be stored, cut to `most` characters."""
    if value.isascii() and "\0" not in value:
        return value[:most]
    cleaned = value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return cleaned[:most]


def optional_text(value: str | None, most: int) -> str | None:
    """The same for what may be missing."""
    return None if value is None else text(value, most)


def key(value: str, most: int) -> str:
    """An identity that fits: unchanged if it does, else cut and told apart by a digest of the whole."""
    if len(value) <= most and text(value, most) == value:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text(value, most - _DIGEST - 1)}#{digest}"
