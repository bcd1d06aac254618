"""The spool's file format: one frame per receipt, magic, lengths, checksum, JSON header, raw body."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from worker.store.inbox import Receipt

MAGIC = b"HDS1"
_HEAD = struct.Struct(">4sIII")  # magic, length of the header, length of the body, crc32 of both
_LARGEST_HEADER = 16 << 20
_LARGEST_BODY = 1 << 30


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no frame. `is_tail`: they end the file too early, so they are what a crash left of a write."""

    offset: int
    length: int
    is_tail: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole receipt and where it lies."""

    offset: int
    length: int
    receipt: Receipt


def encode(receipt: Receipt) -> bytes:
    """The bytes of one frame."""
    fields = {
        "receipt_id": receipt.receipt_id,
        "source": receipt.source,
        "endpoint": receipt.endpoint,
        "delivery_id": receipt.delivery_id,
        "dedupe_key": receipt.dedupe_key,
        "headers": receipt.headers,
        "received_at": receipt.received_at.isoformat(),
        "sent_at": None if receipt.sent_at is None else receipt.sent_at.isoformat(),
        "truncated": receipt.truncated,
        "dead_cause": receipt.dead_cause,
    }
    header = json.dumps(fields, separators=(",", ":")).encode()
    crc = zlib.crc32(receipt.body, zlib.crc32(header))
    return b"".join((_HEAD.pack(MAGIC, len(header), len(receipt.body), crc), header, receipt.body))


def read(file: BinaryIO, offset: int = 0) -> Iterator[Frame | Damage]:
    """Every frame from `offset` on, and every stretch between frames that is none."""
    end = file.seek(0, io.SEEK_END)
    while offset < end:
        frame = _frame(file, offset, end)
        if frame is None:
            following = _next_frame(file, offset + 1, end)
            yield Damage(offset, following - offset, is_tail=following == end and _is_torn(file, offset, end))
            offset = following
        else:
            yield frame
            offset += frame.length


def count(file: BinaryIO) -> int:
    """How many frames there are, by their lengths alone."""
    end = file.seek(0, io.SEEK_END)
    offset = frames = 0
    while (lengths := _lengths(file, offset, end)) is not None:
        frames += 1
        offset += _HEAD.size + lengths[0] + lengths[1]
    return frames


def _lengths(file: BinaryIO, offset: int, end: int) -> tuple[int, int, int] | None:
    """Lengths and checksum of the frame that begins here, if one can."""
    if offset + _HEAD.size > end:
        return None
    file.seek(offset)
    magic, header, body, crc = _HEAD.unpack(file.read(_HEAD.size))
    fits = header <= _LARGEST_HEADER and body <= _LARGEST_BODY and offset + _HEAD.size + header + body <= end
    return (header, body, crc) if magic == MAGIC and fits else None


def _is_torn(file: BinaryIO, offset: int, end: int) -> bool:
    """Shorter than it says it is: nobody was answered 200 for it. What is whole but wrong may have been."""
    if end - offset < _HEAD.size:
        return True
    file.seek(offset)
    magic, header, body, _ = _HEAD.unpack(file.read(_HEAD.size))
    return bool(magic == MAGIC and offset + _HEAD.size + header + body > end)


def _frame(file: BinaryIO, offset: int, end: int) -> Frame | None:
    lengths = _lengths(file, offset, end)
    if lengths is None:
        return None
    header, body, crc = lengths
    content = file.read(header + body)
    if len(content) != header + body or zlib.crc32(content) != crc:
        return None
    try:
        receipt = _receipt(json.loads(content[:header]), content[header:])
    except (KeyError, TypeError, ValueError):  # written by another version of this program
        return None
    return Frame(offset, _HEAD.size + header + body, receipt)


def _next_frame(file: BinaryIO, offset: int, end: int) -> int:
    """Where the next whole frame begins, or the end."""
    file.seek(offset)
    rest = file.read(end - offset)
    found = rest.find(MAGIC)
    while found >= 0:
        if _frame(file, offset + found, end) is not None:
            return offset + found
        found = rest.find(MAGIC, found + 1)
    return end


def _receipt(fields: dict[str, object], body: bytes) -> Receipt:
    times = {name: _time(fields.pop(name)) for name in ("received_at", "sent_at")}
    return Receipt(**fields, **times, body=body)  # type: ignore[arg-type]  # written by `encode`, under a checksum


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
