"""What the database and the broker hold, as gauges: read by the scheduler for a scrape, never in the way of work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, exists, func, select
from sqlalchemy.exc import SQLAlchemyError

from worker import __version__, log, metrics_counts
from worker.broker_look import can_look, look
from worker.config import Settings
from worker.metrics import SOURCES
from worker.metrics_counts import Reading
from worker.store.database import Database
from worker.store.ledger import ledger
from worker.store.schema import agents, breakers, deliveries, effects, heartbeats, targets, timers
from worker.store.standby import is_standby

BROKER_SECONDS = 0.25
RECENT_SECONDS = 5.0  # two scrapers within this time cost one look
SLOW_SECONDS = 60.0  # these count whole tables
NEWEST = 10_000  # the last arrivals of a source are looked for among this many newest deliveries

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Shape:
    """The declaration of one gauge."""

    name: str
    text: str
    labels: tuple[str, ...] = ()


INBOX_ROWS = Shape("hookdesk_inbox_rows", "Deliveries by state.", ("state",))
OLDEST_PENDING = Shape(
    "hookdesk_inbox_oldest_pending_timestamp_seconds",
    "When the oldest delivery that is not done yet arrived; 0 when there is none.",
    ("source",),
)
DEAD_LETTERS = Shape("hookdesk_dead_letters", "Dead letters waiting for a person, by cause.", ("cause",))
EFFECT_ROWS = Shape("hookdesk_effects", "Effects that are not finished, by state.", ("state",))
OLDEST_EFFECT = Shape(
    "hookdesk_effects_oldest_due_timestamp_seconds", "Since when the oldest due effect is due; 0 when none is."
)
EFFECTS_WAITING = Shape("hookdesk_effects_waiting", "Effects that wait for a person, by why.", ("why",))
OLDEST_WAITING = Shape(
    "hookdesk_effects_oldest_waiting_timestamp_seconds",
    "When the oldest effect that waits for a person was asked for; 0 when none does.",
    ("why",),
)
OLDEST_RETRY = Shape(
    "hookdesk_effects_oldest_retry_timestamp_seconds",
    "Since when the oldest effect that failed is tried again, by the kind of other side; 0 when none is.",
    ("lane",),
)
OPEN_TICKETS = Shape(
    "hookdesk_open_tickets", "Tickets that are not done, by how they stand with what was promised.", ("standing",)
)
TIMERS = Shape("hookdesk_sla_timers", "Timers that have not fired, by kind.", ("kind", "state"))
OVERDUE = Shape("hookdesk_sla_timers_overdue", "Timers whose time has come and that have not fired.")
LEDGER_DIFFERENCE = Shape(
    "hookdesk_ledger_difference", "Received less accounted for: anything but 0 is a loss or a double."
)
CIRCUIT_OPEN = Shape(
    "hookdesk_circuit_open",
    "1 from when calls are held back because the other side fails until one succeeds, while something waits.",
    ("dependency",),
)
TARGETS_DISABLED = Shape(
    "hookdesk_targets_disabled", "Targets of outgoing events that are switched off; their events wait for a week."
)
HEARTBEAT = Shape(
    "hookdesk_process_last_heartbeat_timestamp_seconds", "The newest sign of life of each kind of process.", ("kind",)
)
LAST_RECEIVED = Shape(
    "hookdesk_last_received_timestamp_seconds", "When the newest delivery of each source arrived.", ("source",)
)
ROSTER = Shape("hookdesk_roster_last_success_timestamp_seconds", "When the list of agents was last read; 0: never.")
BROKER_UP = Shape("hookdesk_broker_up", "1 when the broker takes a write within a quarter of a second.")
QUEUE_LENGTH = Shape("hookdesk_queue_length", "Wake-ups waiting in the broker.", ("queue",))
DATABASE_UP = Shape("hookdesk_database_up", "1 when the last look at the database succeeded and it takes writes.")
LAST_LOOK = Shape(
    "hookdesk_sql_collector_last_success_timestamp_seconds", "When a look at the database last succeeded."
)
LOOK_DURATION = Shape("hookdesk_sql_collector_duration_seconds", "How long the last look at the database took.")
BUILD_INFO = Shape("hookdesk_build_info", "The version that runs; always 1.", ("version",))
LOOK_ERRORS = Shape("hookdesk_sql_collector_errors_total", "Looks at the database or the broker that failed.", ("of",))

GAUGES = (
    INBOX_ROWS, OLDEST_PENDING, DEAD_LETTERS, EFFECT_ROWS, OLDEST_EFFECT, EFFECTS_WAITING, OLDEST_WAITING, OLDEST_RETRY,
    OPEN_TICKETS, TIMERS, OVERDUE, LEDGER_DIFFERENCE, CIRCUIT_OPEN, TARGETS_DISABLED, HEARTBEAT, LAST_RECEIVED, ROSTER,
    BROKER_UP, QUEUE_LENGTH, DATABASE_UP, LAST_LOOK, LOOK_DURATION, BUILD_INFO,
)  # fmt: skip
SHAPES = (*GAUGES, LOOK_ERRORS)

_SWITCHED_OFF = select(func.count()).where(targets.c.disabled_at.is_not(None))


class SqlCollector(Collector):
    """Gauges from one short look at the database, kept for five seconds. A failing look never fails the scrape.

    It has a connection of its own with short timeouts, so that a scrape can neither wait for workers nor hold them up.
    While the database is away its gauges are absent and `hookdesk_database_up` is 0.
    """

    def __init__(self, settings: Settings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = Database.open(settings.database_url, statement_timeout=2, connect_timeout=1)
        self._broker_url = settings.broker_url
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._errors: Reading = {("database",): 0.0, ("broker",): 0.0}
        self._recent: dict[Shape, Reading] = {}
        self._slow: dict[Shape, Reading] = {}
        self._looked_at = self._counted_at = float("-inf")
        self._last_received: Reading = {}
        self._last_success = 0.0

    def close(self) -> None:
        """Give the connection back."""
        self._db.dispose()

    def describe(self) -> Iterable[Any]:
        """Names only: registering looks at nothing."""
        return (_family(shape, {}) for shape in SHAPES)

    def collect(self) -> Iterator[Any]:
        """All gauges; at most one look at a time, at most one every five seconds."""
        with self._guard:
            if self._monotonic() - self._looked_at >= RECENT_SECONDS:
                self._recent = self._look()
                self._looked_at = self._monotonic()
            merged = {**self._recent, **self._slow, LOOK_ERRORS: dict(self._errors)}
            merged[INBOX_ROWS] = {**self._slow.get(INBOX_ROWS, {}), **self._recent.get(INBOX_ROWS, {})}
        for shape, reading in merged.items():
            yield _family(shape, reading)

    def _look(self) -> dict[Shape, Reading]:
        readings = self._look_at_broker() | {BUILD_INFO: {(__version__,): 1.0}}
        started = self._monotonic()
        try:
            with self._db.read() as conn:
                now = self._db.now(conn)
                takes_writes = not is_standby(conn)
                readings |= _recent(conn, now)
                self._last_received |= _last_received(conn)
            self._count_slowly(now)
        except (SQLAlchemyError, OSError) as exc:
            logger.warning("metrics_database_away", error=type(exc).__name__)
            self._errors[("database",)] += 1
            self._slow, self._counted_at = {}, float("-inf")
            readings = {shape: readings[shape] for shape in (BUILD_INFO, BROKER_UP, QUEUE_LENGTH) if shape in readings}
            return {**readings, DATABASE_UP: {(): 0.0}, LAST_LOOK: {(): self._last_success}}
        self._last_success = now.timestamp()
        readings[LAST_RECEIVED] = dict(self._last_received)
        readings[LOOK_DURATION] = {(): self._monotonic() - started}
        return {**readings, DATABASE_UP: {(): float(takes_writes)}, LAST_LOOK: {(): self._last_success}}

    def _count_slowly(self, now: datetime) -> None:
        if self._monotonic() - self._counted_at < SLOW_SECONDS:
            return
        book = ledger(self._db)
        done = book.processed + book.ignored + book.stale + book.duplicate
        with self._db.read() as conn:
            counted = _counted(conn)
        self._slow = {
            **counted,
            LEDGER_DIFFERENCE: {(): float(book.difference)},
            INBOX_ROWS: {("done",): float(done), ("discarded",): float(book.discarded)},
        }
        self._counted_at = self._monotonic()

    def _look_at_broker(self) -> dict[Shape, Reading]:
        url = self._broker_url
        if url is None or not can_look(url):
            return {}
        seen = look(url, seconds=BROKER_SECONDS)
        if seen.trouble is not None:
            self._errors[("broker",)] += 1
        lengths: Reading = {(queue,): float(length) for queue, length in seen.lengths.items()}
        return {BROKER_UP: {(): float(seen.trouble is None)}, QUEUE_LENGTH: lengths}


def _recent(conn: Connection, now: datetime) -> dict[Shape, Reading]:
    """What partial indexes answer quickly however large the tables are."""
    waiting = deliveries.c.state.in_(("pending", "retry"))
    by_source = select(deliveries.c.source, func.min(deliveries.c.received_at)).where(waiting)
    overdue = select(func.count()).where(timers.c.state == "pending", timers.c.due_at <= now)
    due = select(func.min(effects.c.next_at)).where(effects.c.state.in_(("pending", "retry")), effects.c.next_at <= now)
    by_kind = select(timers.c.kind, func.count()).where(timers.c.state == "pending").group_by(timers.c.kind)
    beats = select(heartbeats.c.kind, func.max(heartbeats.c.at)).group_by(heartbeats.c.kind)
    return {
        INBOX_ROWS: _inbox(conn),
        OLDEST_PENDING: _stamps(conn, by_source.group_by(deliveries.c.source), known=SOURCES),
        DEAD_LETTERS: _dead_letters(conn),
        OLDEST_EFFECT: {(): _stamp(conn.execute(due).scalar())},
        TIMERS: {(kind, "pending"): float(n) for kind, n in conn.execute(by_kind)},
        OVERDUE: {(): float(conn.execute(overdue).scalar_one())},
        CIRCUIT_OPEN: _circuits(conn, now),
        TARGETS_DISABLED: {(): float(conn.execute(_SWITCHED_OFF).scalar_one())},
        HEARTBEAT: _stamps(conn, beats),
        ROSTER: {(): _stamp(conn.execute(select(func.max(agents.c.refreshed_at))).scalar())},
    }


def _inbox(conn: Connection) -> Reading:
    reading: Reading = {(state,): 0.0 for state in ("pending", "processing", "retry", "dead")}
    for states in (("pending", "retry"), ("processing",), ("dead",)):  # one partial index each
        query = select(deliveries.c.state, func.count()).where(deliveries.c.state.in_(states))
        reading |= {(state,): float(n) for state, n in conn.execute(query.group_by(deliveries.c.state))}
    return reading


def _dead_letters(conn: Connection) -> Reading:
    query = select(deliveries.c.cause, func.count()).where(deliveries.c.state == "dead").group_by(deliveries.c.cause)
    known = ("unparsable", "poison", "stale_timestamp", "too_large")
    return {(cause,): 0.0 for cause in known} | {(cause or "unknown",): float(n) for cause, n in conn.execute(query)}


def _counted(conn: Connection) -> dict[Shape, Reading]:
    waiting, since = metrics_counts.effects_waiting(conn)
    return {
        EFFECT_ROWS: metrics_counts.effects_by_state(conn),
        EFFECTS_WAITING: waiting,
        OLDEST_WAITING: since,
        OLDEST_RETRY: metrics_counts.oldest_retry(conn),
        OPEN_TICKETS: metrics_counts.open_tickets(conn),
    }


def _circuits(conn: Connection, now: datetime) -> Reading:
    """Between a pause's end and the answer of the probe nothing is mended yet: an alert must not begin anew there. With
    nothing left to call there is no probe either, and nobody to be woken for it."""
    waits = conn.execute(select(exists().where(effects.c.state.in_(("pending", "retry", "performing"))))).scalar_one()
    rows = conn.execute(select(breakers.c.name, breakers.c.open_until))
    return {("chatwoot",): 0.0} | {
        (name,): float(until is not None and (until > now or bool(waits))) for name, until in rows
    }


def _last_received(conn: Connection) -> Reading:
    newest = select(func.max(deliveries.c.id)).scalar_subquery()
    query = select(deliveries.c.source, func.max(deliveries.c.received_at)).where(deliveries.c.id > newest - NEWEST)
    return _stamps(conn, query.group_by(deliveries.c.source))


def _stamps(conn: Connection, query: Any, *, known: Sequence[str] = ()) -> Reading:
    rows: Mapping[tuple[str, ...], float] = {(name,): _stamp(at) for name, at in conn.execute(query)}
    return {(name,): 0.0 for name in known} | dict(rows)


def _stamp(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()


def _family(shape: Shape, reading: Reading) -> GaugeMetricFamily | CounterMetricFamily:
    kind = CounterMetricFamily if shape is LOOK_ERRORS else GaugeMetricFamily
    family = kind(shape.name, shape.text, labels=shape.labels)
    for values, value in sorted(reading.items()):
        family.add_metric(values, value)
    return family
