"""Child processes under one parent: started in groups of their own, restarted when they die, none left at the end.

Linux tells a child when its parent is gone (PR_SET_PDEATHSIG), so that even a killed supervisor leaves nobody behind.
The signal belongs to the *thread* that started the child: start and restart from the main thread only.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from worker.errors import Refused

BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
SETTLED_SECONDS = 60.0  # alive for this long: the next death starts the backoff anew
STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process to keep alive. `output` None: it writes where we write."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    output: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    deaths: int = 0

    def start(self) -> None:
        """Run it, in a process group of its own, to end with us."""
        log = self.output.open("ab") if self.output is not None else None
        try:
            self.process = spawn(self.command, self.env, log)
        finally:
            if log is not None:
                log.close()
        self.started_at = time.monotonic()
        self.restart_at = None


@dataclass
class Supervisor:
    """Keeps children alive until told to stop. `say` gets one sentence for each thing an operator should know."""

    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    forced: bool = False  # set by a second Ctrl-C: do not wait any longer

    def start(self, child: Child) -> Child:
        """Start it and keep it; stopping goes in the opposite order of starting."""
        child.start()
        self.children.append(child)
        return child

    def tend(self) -> None:
        """Notice deaths and restart what is due. Call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.restart_at is not None:
                if now >= child.restart_at:
                    child.start()
                    self.say(f"{child.name} is started again.")
            elif child.process is not None and (code := child.process.poll()) is not None:
                self._note_death(child, code, now)

    def stop(self, *, timeout: float = STOP_SECONDS) -> None:
        """End all, last started first: SIGTERM, a while, then SIGKILL to the group. Nothing is left."""
        for child in reversed(self.children):
            child.restart_at = None
            if child.process is not None and not end(child.process, timeout=timeout, hurry=lambda: self.forced):
                self.say(f"{child.name} did not end in time and was killed.")
        self.children.clear()

    def _note_death(self, child: Child, code: int, now: float) -> None:
        """Plan the restart. What is left of its group goes first: it would hold the port."""
        if child.process is not None:
            kill_group(child.process.pid)
        if now - child.started_at > SETTLED_SECONDS:
            child.deaths = 0
        wait = BACKOFF_SECONDS[min(child.deaths, len(BACKOFF_SECONDS) - 1)]
        child.deaths += 1
        child.restart_at = now + wait
        why = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        where = f" Its output is in {child.output}." if child.output is not None else ""
        self.say(f"{child.name} {why}; it is started again in {wait:g} s.{where}")


def spawn(command: Sequence[str], env: Mapping[str, str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """A process in a group of its own that gets SIGTERM when the calling thread's process is gone."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # before the fork, after which little is safe

    return subprocess.Popen(  # noqa: S603 (commands are built here, never from input)
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=partial(tie_to, os.getpid(), libc),
    )


def tie_to(parent: int, libc: ctypes.CDLL | None = None) -> None:
    """In a child: get SIGTERM when the process that started it is gone, or end at once if it is gone already."""
    if sys.platform == "linux":
        (libc or ctypes.CDLL(None)).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(1)


def end(process: subprocess.Popen[bytes], *, timeout: float, hurry: Callable[[], bool] = lambda: False) -> bool:
    """SIGTERM, wait, SIGKILL to the group. True when it ended by itself."""
    deadline = time.monotonic() + timeout
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    while process.poll() is None and time.monotonic() < deadline and not hurry():
        time.sleep(0.05)
    willingly = process.poll() is not None
    kill_group(process.pid)
    process.wait()
    return willingly


def kill_group(group: int) -> None:
    """SIGKILL to whatever is left of a process group that we started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process; Refused when another `up` or `demo` holds it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise Refused(
                f"Hookdesk already runs on the data folder {data_dir} (process {holder}). "
                "Stop that one first, or give this one another folder with HOOKDESK_DATA_DIR."
            ) from exc
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
