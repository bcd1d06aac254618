"""A PostgreSQL cluster of our own, durable as its package ships it: `fsync` on, commits waited for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from bench.processes import free_port

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",  # otherwise a run that writes a lot measures checkpoints
    "max_connections": "100",
    "track_commit_timestamp": "on",  # tells when a row could be seen by others
}


def find_binaries() -> Path | None:
    """The newest installed server's folder, or None."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), default=None)


class Cluster:
    """Made and started at once, in a folder of its own below `parent`; `destroy` removes everything."""

    def __init__(self, binaries: Path, parent: Path) -> None:
        self._binaries, self._port = binaries, free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="hookdesk-bench-pg-", dir=parent))
        self._data = self._folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        given = {**SETTINGS, "port": str(self._port), "listen_addresses": "127.0.0.1"}
        options = " ".join(f"-c {name}={value}" for name, value in given.items()) + f" -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-o", options, "start")

    def create(self, database: str) -> str:
        """A new empty database; returns its url."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self._url(database)

    def drop(self, database: str) -> None:
        """Remove a database nobody uses any more."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def destroy(self) -> None:
        """Stop and delete."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        quiet = subprocess.DEVNULL  # a server that inherits a pipe would keep it open
        done = subprocess.run(command, cwd="/", stdin=quiet, stdout=quiet, stderr=quiet, timeout=120, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program} failed with {done.returncode}; its log is in {self._folder}")


def told() -> str:
    """The settings that differ from the package's, for the description of the machine."""
    return ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
