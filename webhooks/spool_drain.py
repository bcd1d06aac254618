"""Back into the inbox: segments are read in batches, stored once by receipt id, and removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from webhooks import spool_frames, trouble
from webhooks.spool import REFUSED, Spool
from webhooks.spool_frames import Damage, Frame
from webhooks.spool_segment import SUFFIX, Segment, sync_directory
from webhooks.trouble import Trouble
from worker import log
from worker.failpoints import reach
from worker.store.inbox import Receipt

BATCH = 100
BATCH_BYTES = 4 << 20
TORN = "torn"
DAMAGED = "-damaged"

logger = log.get(__name__)

Store = Callable[[Sequence[Receipt]], None]


def drain(spool: Spool, store: Store) -> int:
    """Put everything that waits into the store; returns how many. Raises what `store` raises when the store is away.

    A record the store refuses is set aside in `refused/`, with its bytes, and never tried again by itself. One that
    takes it too long gets a file of its own and is tried again; nothing waits for it.
    """
    drained = 0
    for segment in spool.sealed():
        one = _Draining(segment, spool.directory, store)
        try:
            is_over = one.run()
        except OSError as exc:  # this file's trouble, or its disk's: it must not keep the others from coming back
            logger.error("spool_unreadable", segment=segment.path.name, error=exc.strerror, errno=exc.errno)
            continue
        finally:
            drained += one.stored
        if is_over:
            spool.done(segment)
    return drained


@dataclass
class _Draining:
    """One turn at one segment."""

    segment: Segment
    directory: Path
    store: Store
    stored: int = 0
    is_left: bool = False  # its only record took too long
    is_cut_short: bool = False  # in the middle of a record, the rest of which may still come

    def run(self) -> bool:
        """Store what is to be read; False when something is left, or the file may still grow."""
        self.segment.measure()
        batch: list[Frame] = []
        weight = 0
        for found in spool_frames.read(self.segment.file, self.segment.drained):
            match found:
                case Damage(is_tail=True) if not self.segment.is_settled():
                    self.is_cut_short = True
                    continue
                case Damage():
                    self._damaged(found)
                    continue
                case Frame():
                    batch.append(found)
                    weight += found.length
            if len(batch) >= BATCH or weight >= BATCH_BYTES:
                self._take(batch)
                batch, weight = [], 0
        if batch:
            self._take(batch)
        if self.stored:
            logger.info("spool_drained", segment=self.segment.path.name, receipts=self.stored)
        return not (self.is_left or self.is_cut_short or self.segment.has_grown())

    def _take(self, frames: list[Frame]) -> None:
        self._put([frame.receipt for frame in frames])
        if not self.is_left:
            self.segment.drained = frames[-1].offset + frames[-1].length

    def _put(self, batch: list[Receipt]) -> None:
        try:
            self.store(batch)
        except Exception as exc:  # whatever the store raises is sorted by what it means
            is_slow = trouble.is_too_slow(exc)
            if not is_slow and trouble.of(exc) is not Trouble.RECORD:
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                self._put(batch[:middle])
                self._put(batch[middle:])
            elif is_slow:
                self._put_off(batch[0])
            else:
                _set_aside(self.directory / REFUSED, batch[0].receipt_id, spool_frames.encode(batch[0]))
                logger.error("spool_record_refused", receipt=batch[0].receipt_id, error=type(exc).__name__)
            return
        reach("spool.after_drain")
        self.stored += len(batch)

    def _put_off(self, receipt: Receipt) -> None:
        frame = spool_frames.encode(receipt)
        if len(frame) == self.segment.size:
            self.is_left = True
        else:
            _set_aside(self.directory, f"{receipt.receipt_id}-slow", frame)  # an orphan, soon adopted
        logger.warning("spool_record_too_slow", receipt=receipt.receipt_id, size=len(receipt.body))

    def _damaged(self, damage: Damage) -> None:
        """A torn tail was never answered 200, as far as can be told; anything else is for an operator to look at.

        What was set aside as damaged and is moved up again stays what it is, although alone it looks torn.
        """
        segment, stem = self.segment, self.segment.path.stem.removesuffix(DAMAGED)
        segment.file.seek(damage.offset)
        content = segment.file.read(damage.length)
        if damage.is_tail and stem == segment.path.stem:
            _set_aside(self.directory / TORN, f"{stem}-{damage.offset}", content)
            segment.cut(damage.offset)
            logger.warning("spool_tail_cut", segment=segment.path.name, offset=damage.offset, size=damage.length)
            return
        _set_aside(self.directory / REFUSED, f"{stem}-{damage.offset}{DAMAGED}", content)
        logger.error("spool_damaged", segment=segment.path.name, offset=damage.offset, size=damage.length)


def _set_aside(folder: Path, name: str, content: bytes) -> None:
    """A file of its own, there as a whole or not at all: in the spool's folder another process may adopt it at once."""
    folder.mkdir(exist_ok=True)
    draft = folder / f"{name}.new"
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / f"{name}{SUFFIX}")
    sync_directory(folder)
