"""Back into the inbox: segments are read in batches, stored once by receipt id, and removed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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

logger = log.get(__name__)

Store = Callable[[Sequence[Receipt]], None]


def drain(spool: Spool, store: Store) -> int:
    """Put everything that waits into the store; returns how many. Raises what `store` raises when the store is away.

    A record the store refuses is set aside in `refused/`, with its bytes, and never tried again by itself.
    """
    drained = 0
    for segment in spool.sealed():
        try:
            drained += _drain_segment(segment, spool.directory, store)
        except OSError as exc:  # this file's trouble, or its disk's: it must not keep the others from coming back
            logger.error("spool_unreadable", segment=segment.path.name, error=exc.strerror, errno=exc.errno)
            continue
        spool.done(segment)
    return drained


def _drain_segment(segment: Segment, directory: Path, store: Store) -> int:
    batch: list[Receipt] = []
    drained = weight = 0
    for found in spool_frames.read(segment.file):
        match found:
            case Damage():
                _damaged(segment, directory, found)
                continue
            case Frame(receipt=receipt):
                batch.append(receipt)
                weight += len(receipt.body)
        if len(batch) >= BATCH or weight >= BATCH_BYTES:
            drained += _put(batch, directory, store)
            batch, weight = [], 0
    drained += _put(batch, directory, store)
    logger.info("spool_drained", segment=segment.path.name, receipts=drained)
    return drained


def _put(batch: list[Receipt], directory: Path, store: Store) -> int:
    if not batch:
        return 0
    try:
        store(batch)
    except Exception as exc:  # whatever the store raises is sorted by what it means
        if trouble.of(exc) is not Trouble.RECORD:
            raise
        if len(batch) == 1:
            _set_aside(directory, batch[0].receipt_id, spool_frames.encode(batch[0]))
            logger.error("spool_record_refused", receipt=batch[0].receipt_id, error=type(exc).__name__)
            return 0
        middle = len(batch) // 2
        return _put(batch[:middle], directory, store) + _put(batch[middle:], directory, store)
    reach("spool.after_drain")
    return len(batch)


def _damaged(segment: Segment, directory: Path, damage: Damage) -> None:
    """A torn tail was never answered 200 and is dropped; anything else is kept for an operator."""
    if damage.is_tail:
        segment.cut(damage.offset)
        logger.warning("spool_tail_cut", segment=segment.path.name, offset=damage.offset, size=damage.length)
        return
    segment.file.seek(damage.offset)
    _set_aside(directory, f"{segment.path.stem}-{damage.offset}-damaged", segment.file.read(damage.length))
    logger.error("spool_damaged", segment=segment.path.name, offset=damage.offset, size=damage.length)


def _set_aside(directory: Path, name: str, content: bytes) -> None:
    folder = directory / REFUSED
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}{SUFFIX}").open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(folder)
