"""The two stores a run can be on, and what can be done to them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import psycopg

from tests.postgres import PostgresServer, find_binaries


class Store(Protocol):
    """Where a run keeps its rows."""

    name: str
    url: str

    def strike(self, seconds: float) -> bool: ...
    def hold(self, seconds: float) -> bool: ...
    def cut(self) -> bool: ...
    def destroy(self) -> None: ...


class SqliteStore:
    """A file. There is no server to kill: it is locked by somebody else instead, which is the same to who waits."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "hookdesk.db"
        self.url = f"sqlite:///{self._file}"

    def strike(self, seconds: float) -> bool:
        """As away as a SQLite database can be: nobody else may write for so long."""
        return self.hold(seconds)

    def hold(self, seconds: float) -> bool:
        """The write lock is held for so long."""
        with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as conn:
            conn.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            conn.execute("ROLLBACK")
        return True

    def cut(self) -> bool:
        """No connection to cut."""
        return False

    def destroy(self) -> None:
        """The folder goes with the run."""


class PostgresStore:
    """A cluster of its own, killed and started again like any other part."""

    name = "postgresql"

    def __init__(self) -> None:
        binaries = find_binaries()
        if binaries is None:
            raise SystemExit("no PostgreSQL server found (initdb); on Debian: apt-get install postgresql")
        self._server = PostgresServer(binaries)
        self._server.start()
        self.url = self._server.create("hookdesk")
        self._lock = threading.Lock()

    def strike(self, seconds: float) -> bool:
        """kill -9 of every process of the cluster, and a start after `seconds`, which recovers from the log."""
        with self._lock:
            for pid in self._processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(seconds)
            self._await_gone()
            self._server.start()
        return True

    def hold(self, seconds: float) -> bool:
        """SIGSTOP of every process: connections stand, and nothing answers."""
        with self._lock:
            held = self._processes()
            for pid in held:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            for pid in {*held, *self._processes()}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return True

    def cut(self) -> bool:
        """Every connection is closed in the middle of whatever it does."""
        with suppress(psycopg.Error), psycopg.connect(self._server.url, connect_timeout=2, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
            return True
        return False

    def destroy(self) -> None:
        """End it and delete it."""
        self._server.destroy()

    def _processes(self) -> list[int]:
        """The postmaster first, so that it cannot restart what is killed after it."""
        parent = self._server.pid
        if parent is None:
            return []
        found = [parent]
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError, IndexError):
                if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(path.parent.name))
        return found

    def _await_gone(self) -> None:
        """A cluster whose backends still hold its memory does not start."""
        until = time.monotonic() + 10
        pid = self._server.pid
        while pid is not None and Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.02)


def open_store(name: str, folder: Path) -> Store:
    """`sqlite` below `folder`, or `postgresql` in a cluster of its own."""
    return SqliteStore(folder) if name == "sqlite" else PostgresStore()


def remove(folder: Path) -> None:
    """A run's folder, whatever is in it."""
    shutil.rmtree(folder, ignore_errors=True)
