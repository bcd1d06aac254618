"""A PostgreSQL of our own for tests: a temporary cluster on a free port, started only when asked for."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg import sql


def find_binaries() -> Path | None:
    """The newest installed server's folder, or None."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), default=None)


def require_binaries() -> Path:
    """The same; without a server the test is skipped on a desk and fails in CI."""
    found = find_binaries()
    if found is not None:
        return found
    reason = "no PostgreSQL server binaries found (initdb)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class PostgresServer:
    """A cluster in a temporary folder. `stop()` is as rude as a power switch, `start()` recovers."""

    def __init__(self, binaries: Path, *, host: str = "127.0.0.1") -> None:
        """`host`: the address to listen on; whoever can reach it gets in."""
        self._binaries, self._host = binaries, host
        self._folder = Path(tempfile.mkdtemp(prefix="hookdesk-pg-"))
        self._data = self._folder / "data"
        self._port = _free_port()
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    @property
    def url(self) -> str:
        """Where the empty database `postgres` is."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Where another database of this cluster is."""
        return f"postgresql://postgres@{self._host}:{self._port}/{database}"

    def start(self) -> None:
        """Serve; returns when connections are accepted."""
        settings = (
            f"-p {self._port} -k {self._folder} -c listen_addresses={self._host} -c max_connections=100 -c fsync=off"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-o", settings, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Cut every connection; with mode `fast` in an orderly way."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def restart(self) -> None:
        """Stop and start on the same port with the same data."""
        self.stop()
        self.start()

    def demote(self) -> None:
        """Come back as a standby that can be read only, as an old primary does after a failover."""
        self.stop("fast")
        signal = self._data / "standby.signal"
        signal.touch()
        if os.geteuid() == 0:
            shutil.chown(signal, "postgres")
        self.start()

    def promote(self) -> None:
        """Take writes again."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "promote")

    @property
    def pid(self) -> int | None:
        """Of the process that all others of the cluster descend from; None while it does not run."""
        file = self._data / "postmaster.pid"
        return int(file.read_text().split()[0]) if file.exists() else None

    def create(self, database: str) -> str:
        """A new empty database; returns its url."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self.url_of(database)

    def destroy(self) -> None:
        """Stop, if running, and delete everything."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(  # output goes to a file: a server that inherits a pipe would keep it open for ever
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            if program != "pg_ctl" else subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {(done.stderr or b'').decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
