"""The parts of a Hookdesk that may be killed: started, killed, stopped and tended under one lock each."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.integration.system import System, listens
from tests.integration.valkey import Broker

PARTS = ("broker", "web", "worker", "scheduler")
RESUME_SECONDS = 60.0
UP_SECONDS = 20.0  # that a part may take to come up before it is struck all the same
INSIDE = Path(__file__).with_name("inside")


class Parts(System):
    """A system whose parts come back when they end: by themselves, or after the nemesis has had its way."""

    def __init__(
        self,
        root: Path,
        *,
        database_url: str,
        broker: Broker,
        settings: dict[str, str],
        names: tuple[str, ...] = PARTS,
    ) -> None:
        super().__init__(root, database_url=database_url, broker=broker, settings=settings)
        self.names = names
        self.locks = {name: threading.Lock() for name in names}
        self.extra: dict[str, dict[str, str]] = {}
        self._clock = root / "clock"
        self.once, self.stalled = root / "once", root / "stalled"
        self.set_clock(0.0)
        self.env |= {"PYTHONPATH": str(INSIDE), "CHAOS_CLOCK": str(self._clock)}
        self.env |= {"CHAOS_STALL_ONCE": str(self.stalled)}
        self.restarts = dict.fromkeys(names, 0)
        self._ending = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)

    def begin(self) -> None:
        """Start all parts and look after them from now on."""
        for name in self.names:
            self._launch(name)
        for name in self.names:
            self._await_ready(name)
        self._tender.start()

    def close(self) -> None:
        """End everything."""
        self._ending.set()
        if self._tender.is_alive():
            self._tender.join(10)
        super().close()

    def strike(self, name: str, *, seconds: float) -> bool:
        """kill -9 of a part with all its children, once it is at work, and a new one after `seconds`.

        False if it was down already, or did not come up. Waiting makes a slow machine a slow run, not another one.
        """
        with self.locks[name]:
            was_up = self._comes_up(name)
            self.kill(name)
            time.sleep(seconds)
            self._launch(name)
        return was_up

    def strike_child(self, chance: random.Random) -> bool:
        """kill -9 of one process of the worker's pool, as soon as there is one; Celery makes a new one."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with self.locks["worker"], suppress(ProcessLookupError):
                children = pool_of(self._running["worker"].pid)
                if children:
                    os.kill(chance.choice(children), signal.SIGKILL)
                    return True
            time.sleep(0.05)
        return False

    def hold(self, name: str, *, seconds: float) -> bool:
        """SIGSTOP for so long, then SIGCONT."""
        with self.locks[name]:
            if not self.is_alive(name):
                return False
            self.signal(name, signal.SIGSTOP)
            time.sleep(seconds)
            self.signal(name, signal.SIGCONT)
        return True

    def trouble_broker(self, kind: str) -> bool:
        """Flush it, or cut all its connections; one that is being started again is waited for."""
        with self.locks["broker"]:
            if kind == "cut":
                self.broker.cut()
            else:
                self.broker.empty()
        return True

    def resume(self, *, seconds: float, when: Callable[[], bool]) -> bool:
        """Let the group that hangs at a failpoint (`CHAOS_STALL`) go on, once `when` is true.

        Who hung in it goes first and the rest `seconds` later: else its parent might end it for having been so slow.
        """
        until = time.monotonic() + RESUME_SECONDS
        while not (self.stalled.exists() and self.stalled.read_text().endswith("\n") and when()):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        pid, group = (int(word) for word in self.stalled.read_text().split())
        os.kill(pid, signal.SIGCONT)
        time.sleep(seconds)
        os.killpg(group, signal.SIGCONT)
        return True

    def set_clock(self, seconds: float) -> bool:
        """Let the wall clock of every part be wrong by so much from now on."""
        with self._clock.open("r+b" if self._clock.exists() else "wb") as file:
            file.write(struct.pack("d", seconds))
        return True

    def _comes_up(self, name: str) -> bool:
        until = time.monotonic() + UP_SECONDS
        while self.is_alive(name) and time.monotonic() < until:
            if self._is_up(name):
                return True
            time.sleep(0.05)
        return False

    def _is_up(self, name: str) -> bool:
        part = name.partition("-")[0]
        if part == "web":
            return self._answers()
        if part == "broker":
            return listens(self.broker_port)
        with (self.root / f"{name}.log").open("rb") as log:
            log.seek(self._log_starts[name])
            return f"{part}_started".encode() in log.read()

    def _tend(self) -> None:
        while not self._ending.wait(0.2):
            for name in self.names:
                if self.locks[name].acquire(blocking=False):
                    try:
                        if not self.is_alive(name) and not self._ending.is_set():
                            self.kill(name)  # what is left of its group
                            self._launch(name)
                            self.restarts[name] += 1
                    finally:
                        self.locks[name].release()

    def _launch(self, name: str) -> None:
        """Start without waiting: the nemesis does not wait either. A broker answers when it is back."""
        if name == "broker":
            self.broker.start()
            return
        with (self.root / f"{name}.log").open("ab") as log:
            self._log_starts[name] = log.tell()
            self._running[name] = subprocess.Popen(
                self._command(name), env={**self.env, **self.extra.get(name, {})}, cwd=self.root,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip


def pool_of(parent: int) -> list[int]:
    """The processes that Celery's pool has forked: children that run the very command of their parent."""
    try:
        own = Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:
        return []
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and path.with_name("cmdline").read_bytes() == own:
                found.append(int(path.parent.name))
    return sorted(found)
