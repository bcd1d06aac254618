"""Carries out the plan: each fault when the desk has come to its step, several at once if need be."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.integration.chaos.books import Books
from tests.integration.chaos.parts import Parts
from tests.integration.chaos.plan import Fault
from tests.integration.chaos.stores import Store
from worker.practice.faults import Fault as WrongAnswer
from worker.practice.server import PracticeChatwoot

AT_ONCE = 6


class Nemesis:
    """`run` returns when every fault is over and every part is back."""

    def __init__(
        self,
        plan: Sequence[Fault],
        parts: Parts,
        store: Store,
        practice: PracticeChatwoot,
        *,
        progress: Callable[[], int],
    ) -> None:
        self.plan, self.counts = list(plan), Counter[str]()
        self.timeline: list[str] = []
        self._parts, self._store, self._practice, self._progress = parts, store, practice, progress
        self._began = time.monotonic()
        self._chance = random.Random("child")
        self._lock = threading.Lock()
        self._offset = 0.0
        self._room = threading.Semaphore(2 * AT_ONCE)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Until the plan is done; when the desk ends early, what is left of it at once."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nemesis") as hands:
            for fault in self.plan:
                while self._progress() < fault.step and not is_over():
                    time.sleep(0.01)
                self._room.acquire()  # it keeps pace with itself
                hands.submit(self._do, fault)
        if self._offset:
            self._step_clock(-self._offset)

    def _do(self, fault: Fault) -> None:
        began = time.monotonic()
        name = f"{fault.kind} {fault.target}"
        try:
            done = self._act(fault)
        except Exception as exc:  # a fault that fails must be seen in the timeline, and must not end the others
            done, name = False, f"{name} failed: {type(exc).__name__}: {exc}"
        self._room.release()
        with self._lock:
            seconds = time.monotonic() - began
            if done:
                self.counts[fault.kind if fault.kind != "kill" else f"kill {fault.target}"] += 1
            mark = "" if done else " (not done)"
            self.timeline.append(f"{began - self._began:8.2f} s  step {fault.step:6}  {name} {seconds:.2f} s{mark}")

    def _act(self, fault: Fault) -> bool:
        match fault.kind, fault.target:
            case "kill", "child":
                return self._parts.strike_child(self._chance)
            case "kill", "database":
                return self._store.strike(fault.seconds)
            case "kill", part:
                return self._parts.strike(part, seconds=fault.seconds)
            case "resume", _:
                return self._parts.resume(seconds=fault.seconds, when=Books(self._store.url).was_taken_over)
            case "stop", "database":
                return self._store.hold(fault.seconds)
            case "stop", part:
                return self._parts.hold(part, seconds=fault.seconds)
            case "outage", _:
                return self._store.strike(fault.seconds)
            case "cut", "database":
                return self._store.cut()
            case (("cut" | "flush") as kind, _):
                return self._parts.trouble_broker(kind)
            case "clock", _:
                return self._step_clock(fault.seconds)
            case "chatwoot", answer:
                wrong = WrongAnswer(answer, times=int(fault.seconds), method="POST")
                self._practice.set_faults(wrong, habits=self._practice.sender.habits)
                return True
        raise ValueError(f"unknown fault {fault}")

    def _step_clock(self, seconds: float) -> bool:
        with self._lock:
            self._offset = round(self._offset + seconds, 2)
            return self._parts.set_clock(self._offset)
