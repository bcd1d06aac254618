"""The desk at work: the steps of the script, acted out in a practice Chatwoot at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tests.integration.chaos.script import Step, steps
from worker.practice.server import PracticeChatwoot

APART = 0.002  # seconds between two steps at least, see `act`


class SupportDesk:
    """Acts one step after the other; `done` is how many so far, by which the nemesis keeps its time."""

    def __init__(self, practice: PracticeChatwoot, seed: int) -> None:
        self.practice, self.done = practice, 0
        self._steps: Iterator[Step] = steps(seed)
        self._numbers: dict[int, int] = {}

    def act(self, *, count: int, per_second: float = 0.0, wait: Callable[[], bool] = lambda: False) -> int:
        """So many steps at a steady rate (0: as fast as it goes), none while told to wait; returns how many in all.

        A desk that is late makes up for it, but never within a millisecond: a message's time is told no finer, so which
        of two steps came first could not be told from what is announced, and the run without faults be another one.
        """
        due = time.monotonic()
        for _ in range(count):
            while wait():
                time.sleep(0.05)
                due = time.monotonic()
            if per_second:
                due += 1 / per_second
                time.sleep(max(APART, due - time.monotonic()))
            self._act(next(self._steps))
            self.done += 1
        return self.done

    def _act(self, step: Step) -> None:
        chat, detail = self.practice, step.detail
        if step.kind == "open":
            opened = chat.customer_opens(detail["name"], detail["email"], detail["text"], detail["plan"])
            self._numbers[step.conversation] = opened
            return
        number = self._numbers[step.conversation]
        match step.kind:
            case "customer":
                chat.customer_writes(number, detail["text"])
            case "reply":
                chat.agent_replies(number, detail["agent"], detail["text"])
            case "note":
                chat.private_note(number, detail["agent"], detail["text"])
            case "labels":
                chat.chat.set_labels(number, detail["labels"])
            case "assign":
                chat.assign(number, detail["agent"])
            case "status" if detail["status"] == "snoozed":
                chat.snooze(number, 3600)
            case "status":
                chat.chat.set_status(number, detail["status"])
