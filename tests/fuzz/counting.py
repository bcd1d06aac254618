"""What became of the cases: how many of each kind, the slowest, and every one that went wrong, with its input."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, thread_time

HANG_SECONDS = 1.0
TEST_SECONDS = 2.5  # the bound in tests, which share their machine: the receiver's own for any answer
MOST_FAULTS = 20  # kept in full; all are counted


@dataclass
class Count:
    """One kind of cases. `outcomes` says what was answered; `faults` what must never happen, with the input."""

    kind: str
    cases: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    faulty: int = 0
    faults: list[str] = field(default_factory=list)

    def case(self, outcome: str, seconds: float) -> None:
        """One more case that ended; longer than a second is a hang, whatever came of it."""
        self.cases += 1
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, seconds)
        if seconds > HANG_SECONDS:
            self.fault(f"took {seconds:.2f} s", b"")

    def fault(self, what: str, given: bytes) -> None:
        """Something that must never happen."""
        self.faulty += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(f"{what}; input {base64.b64encode(given[:3000]).decode()}")

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around the whole of a kind."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds += perf_counter() - began


def merged(counts: Iterable[Count]) -> list[Count]:
    """One of each kind, in the order of their first appearance."""
    found: dict[str, Count] = {}
    for one in counts:
        into = found.setdefault(one.kind, Count(one.kind))
        into.cases += one.cases
        into.seconds += one.seconds
        into.slowest = max(into.slowest, one.slowest)
        into.outcomes += one.outcomes
        into.faulty += one.faulty
        into.faults += one.faults
    return list(found.values())


def every(count: Count, cases: int, make: Callable[[], bytes], judge: Callable[[bytes], str]) -> None:
    """So many cases of a pure function. `judge` names the outcome and raises AssertionError, or whatever broke it.

    Its own work is timed, not what else the machine does meanwhile.
    """
    with count.timed():
        for _ in range(cases):
            given = make()
            began = thread_time()
            try:
                outcome = judge(given)
            except Exception as exc:  # that is what is being looked for
                count.fault(f"{type(exc).__name__}: {exc}"[:300], given)
                outcome = "fault"
            count.case(outcome, thread_time() - began)
