"""A database that has been in use for years, made in minutes: some tickets worked on for real, then copied in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Column, String, Table, Text, func, select, text
from sqlalchemy.engine import Connection

from bench import traffic
from bench.backlog import accept
from bench.hookdesk import STATEMENT_SECONDS, Hookdesk, hire
from worker.clock import ManualClock
from worker.collector import leave_what_stands
from worker.desk import Desk
from worker.policy_file import load_policy
from worker.processing import drain
from worker.store import load
from worker.store.base import metadata
from worker.store.database import Database
from worker.store.schema import contacts, tickets
from worker.store.types import Json
from worker.wake import RecordingWaker

BEGAN = datetime(2026, 6, 17, 9, 30, tzinfo=UTC)  # a Wednesday morning, in business hours
LATER = timedelta(hours=2)
CHUNK = 50_000
CLOSED_KIND, OPEN_KIND = 0, 1  # of practice_events.REQUESTS: the latter is urgent, so its clocks run at once
OPEN_FIRST = 100_000_000  # numbers of open copies begin here
FRESH_FIRST = 200_000_000  # and those of nobody's copies here
LEFT_OUT = frozenset({"raw_requests", "attempts"})  # retention has taken them
_UNIQUE = frozenset({"receipt_id", "dedupe_key", "fingerprint"})  # begin with something to put a number in place of
_DIGITS = 10


class Old:
    """A Hookdesk with `closed` resolved tickets, of the conversations from 0 on. Time stands still here."""

    def __init__(self, hookdesk: Hookdesk, *, closed: int, say: Callable[[str], None]) -> None:
        self.hookdesk, self.closed, self._say = hookdesk, closed, say
        self.clock = ManualClock(BEGAN)
        self.desk = a_desk(hookdesk, self.clock)
        hire(self.desk.db)
        self._open = 0
        self._number_contact(CLOSED_KIND)
        self._work([*traffic.new_tickets(CLOSED_KIND, 1, at=BEGAN), traffic.resolved(CLOSED_KIND, began=BEGAN)])
        self._number_contact(OPEN_FIRST + OPEN_KIND)
        self._work(list(traffic.new_tickets(OPEN_FIRST + OPEN_KIND, 1, at=BEGAN)))
        self.clock.advance(LATER)
        hire(self.desk.db)
        self._copy(CLOSED_KIND, first=1, count=closed - 1)

    def add_open(self, count: int) -> tuple[int, int]:
        """That many open tickets more; returns the span of their row ids."""
        first = OPEN_FIRST + OPEN_KIND + 1 + self._open
        self._open += count
        return self._copy(OPEN_FIRST + OPEN_KIND, first=first, count=count)

    def tidy(self) -> None:
        """What autovacuum would have done by now."""
        if self.desk.db.is_sqlite:
            return
        with psycopg.connect(self.hookdesk.database_url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")

    def close(self) -> None:
        """Let go of the database."""
        self.desk.close()

    def _work(self, bodies: list[bytes]) -> None:
        accept(self.desk.db, bodies)
        if drain(self.desk, seconds=60) != len(bodies):
            raise SystemExit("the tickets to copy could not be processed")

    def _number_contact(self, number: int) -> None:
        """Let the next contact that is made have the number of its conversation: copies change both in one go."""
        with self.desk.db.write() as conn:
            seen = dict.fromkeys(("first_seen_at", "last_seen_at"), self.clock.now())
            conn.execute(contacts.insert(), {"id": traffic.FIRST + number - 1, **seen})
            _count_on(conn, contacts)

    def _copy(self, original: int, *, first: int, count: int) -> tuple[int, int]:
        with self.desk.db.read() as conn:
            query = select(tickets.c.id, tickets.c.contact_id)
            row = conn.execute(query.where(tickets.c.external_id == traffic.external_id(original))).one()
            base: int = conn.execute(select(func.max(tickets.c.id))).scalar_one()
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            with self.desk.db.write() as conn:
                _copy(conn, row.id, row.contact_id, original, first=first + start, count=size, base=base + start)
            if count > CHUNK:
                self._say(f"copied {start + size:,} of {count:,} tickets")
        load.recount(self.desk.db)
        return base + 1, base + count


def a_desk(hookdesk: Hookdesk, clock: ManualClock | None) -> Desk:
    """What a worker process holds, here: nobody is woken. And this process collects its garbage as a worker does."""
    leave_what_stands()
    db = Database.open(hookdesk.database_url, clock=clock, statement_timeout=STATEMENT_SECONDS, by_key=True)
    settings = hookdesk.settings()
    return Desk(settings=settings, policy=load_policy(settings.config), db=db, wake=RecordingWaker())


def _copy(
    conn: Connection, ticket: int, contact: int | None, original: int, *, first: int, count: int, base: int
) -> None:  # fmt: skip
    """Rows `base + 1` and on. Whatever names the original's number names the copy's own in its copy."""
    postgres = conn.dialect.name == "postgresql"
    if postgres:
        conn.execute(text("SET LOCAL session_replication_role = replica"))  # no checks of what is copied whole
    given: dict[str, object] = {"ticket": ticket, "contact": contact, "base": base, "count": count}
    given |= {"marked": str(traffic.FIRST + original), "number": traffic.FIRST + first - 1}
    for table, mine in _copied():
        conn.execute(text(_statement(table, mine, postgres=postgres)), given)
        if table in (tickets, contacts):
            _count_on(conn, table)


def _count_on(conn: Connection, table: Table) -> None:
    """The next row's id follows the largest; SQLite does so anyway."""
    if conn.dialect.name == "postgresql":
        newest = f"(SELECT max(id) FROM {table.name})"
        conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {newest})"))


def _copied() -> Iterator[tuple[Table, str]]:
    """Each table to copy from, with the condition for the original's rows; those that are referred to come first."""
    yield contacts, "contacts.id = :contact"
    yield tickets, "tickets.id = :ticket"
    for table in metadata.sorted_tables:
        if table.name in LEFT_OUT or table in (contacts, tickets):
            continue
        if "ticket_id" in table.c:
            yield table, f"{table.name}.ticket_id = :ticket"
        elif "contact_id" in table.c:
            yield table, f"{table.name}.contact_id = :contact"


def _statement(table: Table, mine: str, *, postgres: bool) -> str:
    columns = [column for column in table.c if not _counts_itself(table, column)]
    names = ", ".join(column.name for column in columns)
    values = ", ".join(_value(table, column) for column in columns)
    numbers = "generate_series(1, CAST(:count AS bigint)) AS g(n)"
    if not postgres:
        numbers = "(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < :count) SELECT n FROM r) g"
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name}, {numbers} WHERE {mine}"


def _counts_itself(table: Table, column: Column[Any]) -> bool:
    return column.name == "id" and table not in (contacts, tickets)


def _value(table: Table, column: Column[Any]) -> str:
    here = f"{table.name}.{column.name}"
    number = "CAST(:number AS bigint) + g.n"
    digits = f"CAST({number} AS text)"
    if column.name == "contact_id" or (column.name == "id" and table is contacts):
        return f"CASE WHEN {here} IS NULL THEN NULL ELSE {number} END"
    if column.name in ("id", "ticket_id"):
        return "CAST(:base AS bigint) + g.n"
    if column.name in _UNIQUE:
        return f"{digits} || substr({here}, {_DIGITS + 1})"
    if isinstance(column.type, String | Text | Json):
        return f"replace({here}, :marked, {digits})"
    return here
