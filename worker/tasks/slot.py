"""Only some processes of the pool may talk to Chatwoot at once, so that one that hangs does not hold them all.

A slot is a locked file: the kernel gives it back when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from worker.config import Settings


def chatwoot_slot(settings: Settings) -> AbstractContextManager[bool]:
    """A slot of this worker's pool: one process of it, if it has several, is kept for other work."""
    return slot(settings.data_dir, slots=max(1, settings.worker_processes - 1))


@contextmanager
def slot(folder: Path, *, slots: int) -> Iterator[bool]:
    """True while one of the slots of this machine is ours; False when all are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(slots):
        with (folder / f"performing-{number}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
    yield False
