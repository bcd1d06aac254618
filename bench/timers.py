"""Timers: what an empty look costs with a million pending, and how fast ten thousand due ones fire among them."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from sqlalchemy import func, literal, select, update

from bench.copies import Old, a_desk
from bench.findings import Cell, Findings, Table
from bench.numbers import milliseconds
from bench.place import Place
from worker.clock import ManualClock
from worker.firing import fire_due
from worker.scheduler import TICK_SECONDS, Scheduler
from worker.store.schema import tickets, timers
from worker.store.types import UtcTime
from worker.wake import Kind

PER_TICKET = 8  # pending timers, about as many as a ticket has in real life
FAR = timedelta(days=30)
FIRE_SECONDS = 600.0
WARM_TICKS = 8
PROCESSES = 2


@dataclass
class _Publisher:
    """A broker that takes everything, at once."""

    refused_since: float | None = None

    def publish(self, kind: Kind, ids: Sequence[int], *, probe: bool = False) -> bool:
        return True

    def refused_for(self) -> float:
        return 0.0


def run(place: Place) -> Findings:
    """Store by store."""
    ticks: list[list[Cell]] = []
    fired: list[list[Cell]] = []
    for store in place.stores:
        hookdesk = place.hookdesk(store)
        place.say(f"timers: {place.sizes.pending_timers:,} on {store}")
        old = Old(hookdesk, closed=math.ceil(place.sizes.pending_timers / PER_TICKET), say=place.say)
        try:
            _add_pending(old, place.sizes.pending_timers)
            groups = _add_due(old, place.sizes.due_timers, 2 * _rounds(place))
            old.tidy()
            ticks.append(_ticks(place, old, store))
            fired += _fires(place, old, store, groups)
        finally:
            old.close()
            place.forget(hookdesk)
    return _findings(place, ticks, fired)


def _rounds(place: Place) -> int:
    """Ten thousand tickets take their time."""
    return max(1, place.sizes.other_rounds - 1)


def _add_pending(old: Old, count: int) -> None:
    """Timers of tickets that nothing happens to here, due over the coming month; not of those that are copied later."""
    resolved = select(tickets.c.id).where(tickets.c.status == "resolved")
    for n in range(PER_TICKET):
        due = literal(old.clock.now() + FAR * (n + 1) / PER_TICKET, UtcTime())
        row = resolved.add_columns(literal("bench"), literal(f"pending-{n}"), due, due)
        names = ["ticket_id", "kind", "key", "due_at", "wake_at"]
        most = min(old.closed, count - n * old.closed)
        with old.desk.db.write() as conn:
            conn.execute(timers.insert().from_select(names, row.order_by(tickets.c.id).limit(most)))


def _add_due(old: Old, count: int, groups: int) -> list[tuple[int, int]]:
    """Groups of open tickets whose first response is overdue; their timers are put off until their turn comes."""
    spans = [old.add_open(count) for _ in range(groups)]
    with old.desk.db.write() as conn:
        later = old.clock.now() + FAR
        ours = timers.c.ticket_id.between(spans[0][0], spans[-1][1])
        conn.execute(update(timers).where(ours, timers.c.state == "pending").values(due_at=later, wake_at=later))
        template = (timers.c.due_at <= old.clock.now()) & (timers.c.state == "pending")
        conn.execute(update(timers).where(template).values(state="cancelled"))
    return spans


def _make_due(old: Old, span: tuple[int, int]) -> int:
    """One timer of each of these tickets is due now; returns how many."""
    with old.desk.db.write() as conn:
        now = old.clock.now() - timedelta(seconds=1)
        mine = timers.c.ticket_id.between(*span) & (timers.c.state == "pending")
        first = select(func.min(timers.c.id)).where(mine).group_by(timers.c.ticket_id)
        due = update(timers).where(timers.c.id.in_(first)).values(due_at=now, wake_at=now)
        return conn.execute(due).rowcount


def _ticks(place: Place, old: Old, store: str) -> list[Cell]:
    """The scheduler's own loop, with its housekeeping as often as in real life: its clock moves one tick a tick."""
    passed = 0.0
    scheduler = Scheduler(old.desk, _Publisher(), monotonic=lambda: passed)  # type: ignore[arg-type]  # enough of one
    micros = []
    for _ in range(WARM_TICKS + place.sizes.ticks):
        began = time.perf_counter()
        scheduler.tick()
        micros.append((time.perf_counter() - began) * 1e6)
        passed += TICK_SECONDS
    micros = micros[WARM_TICKS:]
    times = milliseconds(micros)
    with old.desk.db.read() as conn:
        pending = conn.execute(select(func.count()).where(timers.c.state == "pending")).scalar_one()
    place.say(f"timers, {store}: an empty tick takes {times['p50']:.2f} ms with {pending:,} pending")
    return [store, pending, times["p50"], sum(micros) / len(micros) / 1000, times["p99"], times["max"]]


def _fires(place: Place, old: Old, store: str, groups: list[tuple[int, int]]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for processes in (1, PROCESSES):
        seconds, count = [], 0
        for _ in range(_rounds(place)):
            count = _make_due(old, groups.pop())
            seconds.append(_fire(old, count, processes))
            place.say(f"timers, {store}: {count:,} fired by {processes} in {seconds[-1]:.2f} s")
        rows.append([f"{store}, by {processes}", count, median(seconds), min(seconds), max(seconds),
                     count / median(seconds)])  # fmt: skip
    return rows


def _fire(old: Old, count: int, processes: int) -> float:
    if processes == 1:
        began = time.perf_counter()
        fired = fire_due(old.desk, seconds=FIRE_SECONDS)
        seconds = time.perf_counter() - began
    else:
        fired, seconds = _fire_apart(old, processes)
    if fired < count:
        raise SystemExit(f"{fired} of {count} due timers fired")
    return seconds


def _fire_apart(old: Old, processes: int) -> tuple[int, float]:
    """Each in a process of its own, as two children of a worker's pool; until the last is done."""
    context = multiprocessing.get_context("fork")
    ready, fired = context.Barrier(processes + 1), context.Value("q", 0)
    made = [context.Process(target=_child, args=(old, ready, fired), daemon=True) for _ in range(processes)]
    for process in made:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in made:
        process.join()
    return fired.value, time.perf_counter() - began


def _child(old: Old, ready: object, fired: object) -> None:
    old.desk.db.after_fork()
    desk = a_desk(old.hookdesk, ManualClock(old.clock.now()))
    ready.wait()  # type: ignore[attr-defined]  # a barrier; multiprocessing's types hide its name
    while done := fire_due(desk, seconds=FIRE_SECONDS):
        with fired.get_lock():  # type: ignore[attr-defined]
            fired.value += done  # type: ignore[attr-defined]
    desk.close()


def _findings(place: Place, ticks: list[list[Cell]], fired: list[list[Cell]]) -> Findings:
    told = (
        "An empty tick is one turn of the scheduler's loop with nothing due: it looks for deliveries, timers and "
        f"effects; with its housekeeping once a second, four ticks at {TICK_SECONDS:g} s. The median has none, the "
        "mean has its share.",
        "A due timer is the first-response deadline of an urgent ticket: its ticket is locked and decided anew from "
        "its facts, the breach is recorded, and what follows from it is stored. By one process, and by two at once.",
    )
    tick = Table(
        "An empty tick",
        ["store", "timers pending", "p50 ms", "mean ms", "p99 ms", "max ms"],
        ticks,
    )
    fire = Table(
        "Due timers fired",
        ["store and processes", "due", "median s", "fastest s", "slowest s", "per second"],
        fired,
    )
    return Findings("Timers", told, [tick, fire])
