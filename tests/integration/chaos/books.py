"""The stored rows as the checker reads them: plain SQL on a connection of its own, nothing of Hookdesk in between.

A trigger notes what must never happen or happen once: a final row that changes again, and each firing of a timer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

Row = tuple[Any, ...]

DIFFERENCE = """
SELECT coalesce((SELECT sum(n) FROM receipt_counts), 0) - (SELECT count(*) FROM deliveries
  WHERE state IN ('pending', 'processing', 'retry', 'dead', 'discarded')
     OR (state = 'done' AND outcome IN ('processed', 'ignored', 'stale', 'duplicate')))
"""
BACKLOG = """
SELECT (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'processing', 'retry'))
     + (SELECT count(*) FROM effects WHERE state IN ('pending', 'performing', 'retry'))
"""
TAKEN_OVER = """
SELECT count(*), coalesce(sum(CASE WHEN d.state = 'done' THEN 0 ELSE 1 END), 0)
FROM attempts a JOIN deliveries d ON a.subject = 'd' || d.id WHERE a.outcome = 'lease_expired'
"""
UNREST = """
SELECT 'deliveries', count(*) FROM deliveries WHERE state IN ('pending', 'processing', 'retry')
UNION ALL SELECT 'effects', count(*) FROM effects WHERE state IN ('pending', 'performing', 'retry')
UNION ALL SELECT 'timers', count(*) FROM timers WHERE state = 'pending' AND due_at < {soon}
"""
SOON = {"sqlite": "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '+60 seconds')", "postgresql": "now() + interval '60 s'"}

_NOTES = """CREATE TABLE chaos_notes (what varchar(20), row_id bigint, old varchar(60), new varchar(60),
    due_at varchar(40), at varchar(40), is_early boolean)"""
_FINAL = {
    "deliveries": "('done', 'dead', 'discarded')",
    "effects": "('done', 'cancelled', 'dead', 'dry_run')",
}


class Books:
    """One database, read by the checker; every call is one snapshot. Raises what the driver raises while it is away."""

    def __init__(self, url: str) -> None:
        self.url, self.dialect = url, "sqlite" if url.startswith("sqlite") else "postgresql"

    def rows(self, *queries: str) -> list[list[Row]]:
        """The answers of these queries, all of one moment."""
        with self._snapshot() as run:
            return [list(run(query)) for query in queries]

    def balance(self) -> tuple[int, int]:
        """What came in and is nowhere, 0 at every moment; and what is still to be processed or performed."""
        [[(difference,)], [(backlog,)]] = self.rows(DIFFERENCE, BACKLOG)
        return int(difference), int(backlog)

    def unrest(self) -> dict[str, int]:
        """What is still to do, with the timers due within a minute."""
        [found] = self.rows(UNREST.format(soon=SOON[self.dialect]))
        return {name: count for name, count in found if count}

    def was_taken_over(self) -> bool:
        """Whether somebody's lease ran out, and others have finished everything he held."""
        [[(taken, left)]] = self.rows(TAKEN_OVER)
        return bool(taken) and not left

    def watch(self) -> None:
        """Lay the triggers; once per database, before anything runs."""
        statements = [_NOTES, *(_sqlite_triggers() if self.dialect == "sqlite" else _postgres_triggers())]
        if self.dialect == "sqlite":
            with closing(sqlite3.connect(self.path)) as conn, conn:
                for statement in statements:
                    conn.execute(statement)
            return
        with psycopg.connect(self.url) as conn:
            for statement in statements:
                conn.execute(statement)  # type: ignore[arg-type]

    @property
    def path(self) -> str:
        """The file of a SQLite database."""
        return self.url.removeprefix("sqlite:///")

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        if self.dialect == "sqlite":
            with closing(sqlite3.connect(self.path, timeout=10)) as conn:
                conn.execute("BEGIN")
                yield conn.execute
            return
        options = "-c default_transaction_isolation=repeatable\\ read -c statement_timeout=20000"
        with psycopg.connect(self.url, connect_timeout=2, options=options) as conn:
            yield conn.execute


def _sqlite_triggers() -> list[str]:
    now = "strftime('%Y-%m-%dT%H:%M:%f', 'now')"
    final = [
        f"""CREATE TRIGGER chaos_{table} AFTER UPDATE ON {table} WHEN OLD.state IN {states}
        BEGIN INSERT INTO chaos_notes VALUES ('{table}', OLD.id, OLD.state, NEW.state, NULL, {now}, NULL); END"""
        for table, states in _FINAL.items()
    ]
    early = "NEW.fired_at < OLD.due_at"
    fired = f"""CREATE TRIGGER chaos_timers AFTER UPDATE ON timers WHEN NEW.state = 'fired'
        BEGIN INSERT INTO chaos_notes VALUES
        ('timers', OLD.id, OLD.state, NEW.state, OLD.due_at, NEW.fired_at, {early}); END"""
    return [*final, fired]


def _postgres_triggers() -> list[str]:
    made = []
    for table, states in _FINAL.items():
        made += [
            f"""CREATE FUNCTION chaos_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO chaos_notes VALUES
            ('{table}', OLD.id, OLD.state, NEW.state, NULL, clock_timestamp()::text, NULL);
            RETURN NULL; END $$""",
            f"""CREATE TRIGGER chaos_{table} AFTER UPDATE ON {table} FOR EACH ROW WHEN (OLD.state IN {states})
            EXECUTE FUNCTION chaos_{table}()""",
        ]
    return [
        *made,
        """CREATE FUNCTION chaos_timers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_notes VALUES ('timers', OLD.id, OLD.state, NEW.state, OLD.due_at::text, NEW.fired_at::text,
        NEW.fired_at < OLD.due_at OR clock_timestamp() < OLD.due_at); RETURN NULL; END $$""",
        """CREATE TRIGGER chaos_timers AFTER UPDATE ON timers FOR EACH ROW WHEN (NEW.state = 'fired')
        EXECUTE FUNCTION chaos_timers()""",
    ]
