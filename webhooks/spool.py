"""The fsynced fallback for when the database is away: framed files, drained back through the inbox.

A process writes segments of its own under a lock that dies with it; segments of dead processes are adopted. Many
requests share one fsync here as they share one commit there.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from webhooks import spool_frames
from webhooks.batcher import Batcher
from webhooks.spool_segment import SUFFIX, Segment
from worker import log
from worker.errors import DependencyDown
from worker.failpoints import reach
from worker.store.inbox import Receipt

SEGMENT_BYTES = 64 << 20
REFUSED = "refused"
FAILURE_SECONDS = 5.0  # so long a failed write counts against readiness

logger = log.get(__name__)


class SpoolFailed(DependencyDown):
    """The receipt is not on disk: the spool is full, or the disk refuses."""


Told = Callable[[str | None], None]  # an error, or None: it is on disk


@dataclass(frozen=True, slots=True)
class _Write:
    frame: bytes
    told: Told


class Spool:
    """`put` tells once the receipt is fsynced; `sealed` hands out what can be drained."""

    def __init__(self, directory: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self._owner = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._made = 0
        self._active: Segment | None = None
        self._sealed: list[Segment] = []
        self._guard = threading.Lock()
        self._batcher: Batcher[_Write] = Batcher(
            self._write, name="spool", weigh=lambda write: len(write.frame), alone=SEGMENT_BYTES
        )
        self._failed_at = -FAILURE_SECONDS

    def open(self) -> None:
        """Make the folder and start the writing thread. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._batcher.start()

    def close(self) -> None:
        """Finish what is being written and let go of the files; what is left is adopted by the next process."""
        self._batcher.close()
        with self._guard:
            for segment in (*self._sealed, *([self._active] if self._active else [])):
                segment.close()
            self._sealed, self._active = [], None

    def put(self, receipt: Receipt, told: Told) -> None:
        """Returns at once; `told` is called once, by the writing thread, when it is on disk or cannot be."""
        self._batcher.put(_Write(spool_frames.encode(receipt), told))

    def has_room(self) -> bool:
        """Could a receipt be written now, as far as is known?"""
        is_failing = time.monotonic() - self._failed_at < FAILURE_SECONDS
        return not is_failing and total_bytes(self.directory) < self._max_bytes

    def is_empty(self) -> bool:
        """Nothing of ours waits to be drained."""
        return not any(segment.size for segment in list(self._all()))

    def adopt(self) -> int:
        """Take over the segments of dead processes; returns how many. One that cannot be opened is left where it is."""
        adopted = 0
        with self._guard:
            ours = {segment.path for segment in self._all()}
            for path in sorted(self.directory.glob(f"*{SUFFIX}")):
                try:
                    segment = None if path in ours else Segment.adopt(path)
                except OSError as exc:
                    logger.error("spool_unreadable", segment=path.name, error=exc.strerror, errno=exc.errno)
                    continue
                if segment is not None:
                    self._sealed.append(segment)
                    adopted += 1
                    logger.info("spool_adopted", segment=path.name, size=segment.size)
        return adopted

    def sealed(self) -> list[Segment]:
        """Everything of ours that can be drained; what is written from now on goes into a new segment."""
        with self._guard:
            self._seal()
            return list(self._sealed)

    def done(self, segment: Segment) -> None:
        """Its records are elsewhere now: remove the file."""
        with self._guard:
            self._sealed.remove(segment)
            segment.remove()

    def _all(self) -> Iterator[Segment]:
        yield from self._sealed
        if self._active is not None:
            yield self._active

    def _seal(self) -> None:
        if self._active is not None and self._active.size:
            self._sealed.append(self._active)
            self._active = None

    def _write(self, group: list[_Write]) -> None:
        error: str | None = None
        try:
            with self._guard:
                self._write_and_sync([write.frame for write in group])
        except OSError as exc:
            self._failed_at = time.monotonic()
            error = f"the spool's disk refuses: {exc.strerror}"
            logger.error("spool_write_failed", error=exc.strerror, errno=exc.errno)
        except SpoolFailed as exc:
            self._failed_at = time.monotonic()
            error = str(exc)
            logger.error("spool_full", max_bytes=self._max_bytes)
        for write in group:
            write.told(error)

    def _write_and_sync(self, frames: list[bytes]) -> None:
        size = sum(map(len, frames))
        if total_bytes(self.directory) + size > self._max_bytes:
            raise SpoolFailed("the spool is full")
        segment = self._room_for(size)
        segment.append(frames)
        reach("spool.after_write")
        try:
            segment.sync()
        except OSError:
            self._seal()  # after a failed fsync nothing more is known about this file: write to another one
            raise
        reach("spool.after_sync")

    def _room_for(self, size: int) -> Segment:
        if self._active is not None and self._active.size and self._active.size + size > self._segment_bytes:
            self._seal()
        if self._active is None:
            self._made += 1
            self._active = Segment.create(self.directory / f"{self._owner}-{self._made:06d}{SUFFIX}")
        return self._active


def directory_of(data_dir: Path) -> Path:
    """Where the receivers of this data folder keep what the database could not take."""
    return data_dir / "spool"


def total_bytes(directory: Path) -> int:
    """What all segments of all processes take on the disk."""
    total = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    try:
                        total += entry.stat().st_size
                    except FileNotFoundError:  # drained in this moment
                        continue
    except FileNotFoundError:
        return 0
    return total


def count(directory: Path) -> int:
    """How many receipts wait in the spool, over all processes; set-aside ones are not counted.

    A file that cannot be read counts as one: what is in it waits, too.
    """
    receipts = 0
    for path in directory.glob(f"*{SUFFIX}"):
        try:
            with path.open("rb") as file:
                receipts += spool_frames.count(file)
        except FileNotFoundError:  # drained in this moment
            continue
        except OSError:
            receipts += 1
    return receipts


def outstanding(directory: Path) -> int:
    """How many were answered 200 and are not in the inbox: those that wait and those that were set aside."""
    return count(directory) + refused(directory)


def refused(directory: Path) -> int:
    """How many records the store refused and an operator has to look at."""
    return sum(1 for _ in (directory / REFUSED).glob("*"))
