"""The audit trail: one line per try of a delivery (`d17`) or an effect (`e4`), and per operator's act on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from worker.store import storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import attempts


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line: which try, when, how it ended and why."""

    n: int
    at: datetime
    outcome: str
    cause: str | None
    detail: str | None


def note(
    conn: Connection,
    rows: Sequence[tuple[str, int]],
    *,
    now: datetime,
    outcome: str,
    cause: str | None = None,
    detail: str | None = None,
) -> None:
    """Add the same line for each (subject, number of the attempt)."""
    same = {
        "at": now,
        "outcome": outcome,
        "cause": storable.optional_text(cause, 40),
        "detail": storable.optional_text(detail, 1000),
    }
    insert_rows(conn, attempts, [{"subject": subject, "n": n, **same} for subject, n in rows])


def attempts_of(db: Database, subject: str) -> list[Attempt]:
    """The trail of `d17` or `e4`, oldest first."""
    columns = (attempts.c.n, attempts.c.at, attempts.c.outcome, attempts.c.cause, attempts.c.detail)
    with db.read() as conn:
        rows = conn.execute(select(*columns).where(attempts.c.subject == subject).order_by(attempts.c.id))
        return [Attempt(*row) for row in rows]
