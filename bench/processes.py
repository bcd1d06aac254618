"""Processes that are measured: started to end with us, awaited until they answer, weighed with all their children."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import requests

from worker.supervise import end, spawn

READY_SECONDS = 90.0
LOOK_SECONDS = 0.02


class Started:
    """Processes of one contender, by role; what they say goes into files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Run it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{role}.log").open("ab") as log:
            process = self._running[role] = spawn(command, env, log)
        return process

    def wait(self, is_ready: Callable[[], bool]) -> None:
        """Return once it is; ends the run, showing what they said, when one of them ends or it takes too long."""
        until = time.monotonic() + READY_SECONDS
        while not is_ready():
            for role, process in self._running.items():
                if process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / f"{role}.log").read_text("utf-8", "replace")
                    raise SystemExit(f"{role} did not start:\n{log[-4000:]}")
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """End all, last started first."""
        for process in reversed(self._running.values()):
            end(process, timeout=20)
        self._running.clear()

    @property
    def pids(self) -> dict[str, int]:
        """By role."""
        return {role: process.pid for role, process in self._running.items()}


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """True when something answers there, with whatever status below 500."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=2).status_code < 500
        except requests.RequestException:
            return False


def family(pid: int) -> list[int]:
    """A process and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    return list(_descend(pid, children))


def _descend(pid: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield pid
    for child in sorted(children.get(pid, ())):
        yield from _descend(child, children)


def resident_mib(pid: int) -> float | None:
    """RSS of one process; None when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        return None
    return None
