"""The spool's file format: one frame per receipt, magic, lengths, checksum, JSON header, raw body.

What a frame holds is somebody else's, so `MARK`, with which every frame begins, never stands in it: a sender who relays
raw bytes cannot put a frame of their own into what a crash leaves of a write.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, NamedTuple

from worker.store.inbox import Receipt

MARK, _STUFFED = b"HDS", b"HDS\0"
MAGIC, _UNSTUFFED = MARK + b"2", MARK + b"1"  # the latter are only read: earlier versions wrote them
_HEAD = struct.Struct(">4sIII")  # magic, length of the header, length of the body, crc32 of both
_LARGEST_HEADER = 16 << 20
_LARGEST_BODY = 1 << 30


class _Head(NamedTuple):
    magic: bytes
    header: int
    body: int
    crc: int

    @property
    def is_ours(self) -> bool:
        return self.magic in (MAGIC, _UNSTUFFED)


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
    header = json.dumps(fields, separators=(",", ":")).encode().replace(MARK, _STUFFED)
    body = receipt.body.replace(MARK, _STUFFED)
    crc = zlib.crc32(body, zlib.crc32(header))
    return b"".join((_HEAD.pack(MAGIC, len(header), len(body), crc), header, body))


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
    while (head := _head(file, offset, end)) is not None:
        frames += 1
        offset += _HEAD.size + head.header + head.body
    return frames


def _head(file: BinaryIO, offset: int, end: int) -> _Head | None:
    """Of the frame that begins here, if one can."""
    if offset + _HEAD.size > end:
        return None
    file.seek(offset)
    head = _Head(*_HEAD.unpack(file.read(_HEAD.size)))
    fits = head.header <= _LARGEST_HEADER and head.body <= _LARGEST_BODY
    return head if head.is_ours and fits and offset + _HEAD.size + head.header + head.body <= end else None


def _is_torn(file: BinaryIO, offset: int, end: int) -> bool:
    """Shorter than it says it is: nobody was answered 200 for it. What is whole but wrong may have been."""
    if end - offset < _HEAD.size:
        return True
    file.seek(offset)
    head = _Head(*_HEAD.unpack(file.read(_HEAD.size)))
    return head.is_ours and offset + _HEAD.size + head.header + head.body > end


def _frame(file: BinaryIO, offset: int, end: int) -> Frame | None:
    head = _head(file, offset, end)
    if head is None:
        return None
    content = file.read(head.header + head.body)
    if len(content) != head.header + head.body or zlib.crc32(content) != head.crc:
        return None
    header, body = content[: head.header], content[head.header :]
    if head.magic == MAGIC:
        header, body = header.replace(_STUFFED, MARK), body.replace(_STUFFED, MARK)
    try:
        receipt = _receipt(json.loads(header), body)
    except (KeyError, TypeError, ValueError):  # written by another version of this program
        return None
    return Frame(offset, _HEAD.size + len(content), receipt)


def _next_frame(file: BinaryIO, offset: int, end: int) -> int:
    """Where the next whole frame begins, or the end."""
    file.seek(offset)
    rest = file.read(end - offset)
    found = rest.find(MARK)
    while found >= 0:
        if _frame(file, offset + found, end) is not None:
            return offset + found
        found = rest.find(MARK, found + 1)
    return end


def _receipt(fields: dict[str, object], body: bytes) -> Receipt:
    times = {name: _time(fields.pop(name)) for name in ("received_at", "sent_at")}
    return Receipt(**fields, **times, body=body)  # type: ignore[arg-type]  # written by `encode`, under a checksum


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
