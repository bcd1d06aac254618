"""Whether an event costs more when more tickets are stored."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench import traffic
from bench.backlog import accept
from bench.copies import BEGAN, FRESH_FIRST, LATER, Old
from bench.findings import Cell, Findings, Plot, Table
from bench.place import Place
from worker.processing import drain

OPEN_SHARE = 100  # one ticket in so many is open and has an agent
AGAIN_SHARE = 4  # one delivery in so many is from a customer who comes back
STRIDE = 7_919  # a prime: customers who come back are spread over all


@dataclass
class Cost:
    """Milliseconds per delivery, by round: on the clock, and of this process's own computing."""

    wall: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)


def run(place: Place) -> Findings:
    """All sizes exist side by side, so that each round asks all of them."""
    costs: dict[tuple[str, int], Cost] = defaultdict(Cost)
    for store in place.stores:
        with ExitStack() as stack:
            olds = {size: _old(place, stack, store, size) for size in place.sizes.stored}
            for n in range(place.sizes.other_rounds + 1):
                for size, old in olds.items():
                    cost = _measure(place, old, n)
                    if n:  # the first warms caches and statements
                        costs[store, size].wall.append(cost[0])
                        costs[store, size].own.append(cost[1])
                    place.say(f"stored, {store}, {size:,} tickets: {cost[0]:.2f} ms")
    return _findings(place, costs)


def _old(place: Place, stack: ExitStack, store: str, size: int) -> Old:
    place.say(f"stored: making {size:,} tickets on {store}")
    hookdesk = place.hookdesk(store)
    stack.callback(place.forget, hookdesk)
    old = Old(hookdesk, closed=size - size // OPEN_SHARE, say=place.say)
    stack.callback(old.close)
    old.add_open(size // OPEN_SHARE)
    old.tidy()
    return old


def _measure(place: Place, old: Old, n: int) -> tuple[float, float]:
    count = place.sizes.stored_events
    again = count // AGAIN_SHARE
    at = BEGAN + LATER
    bodies = list(traffic.new_tickets(FRESH_FIRST + place.sender.numbers(count), count - again, at=at))
    numbers = [1 + ((n * again + i) * STRIDE) % (old.closed - 1) for i in range(again)]
    bodies += [traffic.more_words(number, began=BEGAN, at=at) for number in numbers]
    accept(old.desk.db, bodies)
    return _timed(lambda: drain(old.desk, seconds=600), count)


def _timed(work: Callable[[], int], count: int) -> tuple[float, float]:
    wall, own = time.perf_counter(), time.process_time()
    if (done := work()) != count:
        raise SystemExit(f"{done} of {count} deliveries were processed")
    return (time.perf_counter() - wall) * 1000 / count, (time.process_time() - own) * 1000 / count


def _findings(place: Place, costs: dict[tuple[str, int], Cost]) -> Findings:
    sizes = place.sizes
    told = (
        f"{sizes.stored_events:,} deliveries a round are processed in one process, without Celery: three quarters new "
        "tickets, one quarter customers who write again to a ticket that was resolved. The median of the rounds.",
        "The tickets stored before are copies, in SQL, of two that were worked on: with their contacts, facts, events, "
        "timers, effects and deliveries. One in a hundred is open and assigned to one of twelve agents.",
    )
    rows: list[list[Cell]] = []
    for store in place.stores:
        least = median(costs[store, sizes.stored[0]].wall)
        for size in sizes.stored:
            cost = costs[store, size]
            rows.append([f"{size:,}, {store}", median(cost.wall), median(cost.own), median(cost.wall) / least])
    headings = ["tickets stored", "ms per event", "of it own CPU ms", "× the smallest"]
    lines = {store: [[size, median(costs[store, size].wall)] for size in sizes.stored] for store in place.stores}
    plot = Plot("stored", "Cost of an event", "tickets stored", "milliseconds", lines, log_x=True)
    table = Table("Cost per event by what is stored", headings, rows)
    return Findings("Cost per event with more tickets stored", told, [table], [plot])
