"""One file of the spool: written by the process that holds its lock, adopted by another when that process is gone."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".spool"
SETTLED_SECONDS = 10.0  # a file that nobody has written to for so long is whole, or was torn off by a crash


class Segment:
    """An open, locked segment. The lock lives as long as this process, however that ends."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.size = os.fstat(file.fileno()).st_size
        self.drained = 0  # everything before this offset is elsewhere by now

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new one. It gets its name only once it is locked, so that nobody can adopt it in between."""
        draft = path.with_suffix(".new")
        file = draft.open("x+b", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(path)
        sync_directory(path.parent)
        return cls(path, file)

    @classmethod
    def adopt(cls, path: Path) -> Segment | None:
        """The orphan at `path`; None when its owner lives or somebody else has finished it."""
        try:
            file = path.open("r+b", buffering=0)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        if os.fstat(file.fileno()).st_nlink == 0:
            file.close()
            return None
        return cls(path, file)

    def append(self, frames: Sequence[bytes]) -> None:
        """Write them at the end, or leave the file as it was. Raises OSError."""
        try:
            self.file.seek(self.size)
            for frame in frames:
                view = memoryview(frame)
                while view:
                    view = view[self.file.write(view) :]
        except OSError:
            self.cut(self.size)
            raise
        self.size += sum(map(len, frames))

    def sync(self) -> None:
        """Everything written is on the disk when this returns."""
        os.fdatasync(self.file.fileno())

    def cut(self, size: int) -> None:
        """Forget everything from `size` on."""
        self.file.truncate(size)
        self.size = size

    def measure(self) -> None:
        """Take `size` from the disk: an orphan may have grown."""
        self.size = os.fstat(self.file.fileno()).st_size

    def has_grown(self) -> bool:
        """Whether somebody has written to it since it was measured."""
        return os.fstat(self.file.fileno()).st_size > self.size

    def is_settled(self) -> bool:
        """Whether nobody has written to it for a while. Who copies an orphan in holds no lock of ours."""
        age = time.time() - os.fstat(self.file.fileno()).st_mtime
        return not 0 <= age < SETTLED_SECONDS and not self.has_grown()

    def remove(self) -> None:
        """Delete it; its records are in the inbox."""
        self.path.unlink(missing_ok=True)
        sync_directory(self.path.parent)
        self.file.close()

    def close(self) -> None:
        """Let go of it: it stays, as an orphan."""
        self.file.close()


def sync_directory(directory: Path) -> None:
    """A new or removed name is durable only after this."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
