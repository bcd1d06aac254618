"""Reading what others wrote: strict JSON, one failure type, exact times, strings that every store can keep."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from worker.clock import from_micros
from worker.errors import Unparsable

LONGEST_TEXT = 2000
LONGEST_LINE = 998  # what RFC 5322 allows a header line
LONGEST_WORD = 200
MOST_HEADERS = 1000  # of a mail; a million of them would hold a worker up for seconds

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_SURROGATES = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]+")
_IDENTITY = re.compile(r"[^\x00-\x1f\x7f]{1,150}")
_LARGE = 1 << 20  # bytes
_BIGGEST_ID = 10**30
_LAST_MICROS = 253402300799_999999  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a delivery came and was sent, and whose account the endpoint belongs to."""

    received_at: datetime
    sent_at: datetime | None
    account_id: int | None
    headers: Mapping[str, str]

    @property
    def at(self) -> datetime:
        """The best guess at the time of a fact that has none of its own."""
        return self.sent_at if self.sent_at is not None else self.received_at


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; numbers with a fraction as Decimal. Raises Unparsable for anything else."""
    try:
        try:
            read = _decoded(body)
        except msgspec.DecodeError:
            read = _lenient(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise Unparsable(f"the body is not JSON: {exc}"[:300]) from exc
    if not isinstance(read, dict):
        raise Unparsable(f"expected a JSON object, got {type(read).__name__}")
    return read


def _decoded(body: bytes) -> Any:
    """The collector of cycles looks at all there is again and again while millions of lists are made, none of them
    garbage: 4 s instead of 0.6 s for 40 MiB. It has a rest while a large body is read."""
    if len(body) < _LARGE or not gc.isenabled():
        return _DECODER.decode(body)
    gc.disable()
    try:
        return _DECODER.decode(body)
    finally:
        gc.enable()


def _lenient(body: bytes) -> Any:
    """msgspec refuses an escaped lone surrogate, which Ruby and JavaScript do send; this way it can be cleaned."""
    if b"\\u" not in body:
        raise ValueError("malformed")
    return json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def child(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under a name; empty when it is absent or null."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value)
    return value


def children(parent: Mapping[str, Any], name: str) -> Sequence[Any]:
    """The list under a name; empty when it is absent or null."""
    value = parent.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(name, "a list", value)
    return value


def text(parent: Mapping[str, Any], name: str, *, limit: int = LONGEST_TEXT) -> str:
    """A text of several lines, cleaned and cut; empty when it is absent or null."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return clean(value[: 2 * limit])[:limit]


def line(parent: Mapping[str, Any], name: str, *, limit: int = LONGEST_LINE) -> str:
    """A text of one line: no control characters, no bidi overrides."""
    return one_line(text(parent, name, limit=2 * limit), limit=limit)


def one_line(value: str, *, limit: int = LONGEST_LINE) -> str:
    """The same for a string that is already at hand."""
    return _INVISIBLE.sub(" ", clean(value)).strip()[:limit]


def clean(value: str) -> str:
    """Without NUL and lone surrogates, which PostgreSQL and UTF-8 refuse; line ends as `\\n`."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    if "\r" in value:
        value = value.replace("\r\n", "\n")
    return _SURROGATES.sub("\ufffd", value) if not value.isascii() else value


def identity(parent: Mapping[str, Any], name: str) -> str | None:
    """An id as text, exact however big; None when it is absent or null."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _BIGGEST_ID:
        return str(value)
    if isinstance(value, str) and _IDENTITY.fullmatch(value) and not _SURROGATES.search(value):
        return value
    raise _wrong(name, "an id", value)


def needed(parent: Mapping[str, Any], name: str) -> str:
    """Like `identity`, and it must be there."""
    value = identity(parent, name)
    if value is None:
        raise Unparsable(f"{name} is missing")
    return value


def flag(parent: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A boolean; the default when it is absent or null."""
    value = parent.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def moment(parent: Mapping[str, Any], name: str) -> datetime | None:
    """A time, from seconds since 1970 (exact to the microsecond; 0 is none) or ISO 8601. None when absent or null."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _wrong(name, "a time", value)
    return _from_iso(name, value) if isinstance(value, str) else _from_epoch(name, value)


def _from_epoch(name: str, value: int | Decimal) -> datetime | None:
    if isinstance(value, Decimal) and not (value.is_finite() and value.adjusted() < 12):
        raise _wrong(name, "seconds since 1970", value)
    micros = value * 1_000_000 if isinstance(value, int) else int(value.quantize(Decimal("1e-6")).scaleb(6))
    if micros == 0:
        return None
    if not 0 < micros <= _LAST_MICROS:
        raise _wrong(name, "seconds since 1970", value)
    return from_micros(micros)


def _from_iso(name: str, value: str) -> datetime | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise _wrong(name, "an ISO 8601 time", value) from exc


def _wrong(name: str, expected: str, value: object) -> Unparsable:
    return Unparsable(f"{name}: expected {expected}, got {type(value).__name__}")
