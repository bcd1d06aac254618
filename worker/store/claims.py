"""Who works on which delivery: claims with a lease and a fence, and what becomes of them.

A claim writes a token on its rows; only who holds that token may finish them, so that a worker that was thought dead
cannot write over its successor. A delivery whose lease ran out is suspect: it is worked on alone from then on, and only
deaths alone count against it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, false, literal, literal_column, select, true, update

from worker.store import audit, storable
from worker.store.bulk import among, one_of, update_rows
from worker.store.database import Database, time_of, without_waiting
from worker.store.schema import deliveries, raw_requests
from worker.store.types import UtcTime
from worker.store.waking import WAITING, due, has_due

__all__ = (
    "Claimed", "Fenced", "Finished", "claim", "due", "fail", "finish", "finish_all", "has_due", "reap", "release",
)  # fmt: skip

LONE_DEATHS = 3
SUSPECT_PATIENCE = timedelta(seconds=5)  # a suspect waits for the healthy, but not for ever

PROCESSING = literal_column("deliveries.state") == literal_column("'processing'")


class Fenced(Exception):  # noqa: N818 - what happened, not an error of ours
    """A row was no longer ours: its lease ran out and somebody else has it. The caller rolls back and lets go."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery to work on, with its raw request; `claim` is the fence."""

    id: int
    source: str
    endpoint: str
    headers: dict[str, str]
    body: bytes
    received_at: datetime
    sent_at: datetime | None
    attempts: int
    claim: str
    alone: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """How one claimed delivery ended."""

    claimed: Claimed
    outcome: str
    event: str | None
    ticket_id: int | None
    cause: str | None = None
    detail: str | None = None


def claim(db: Database, *, limit: int = 100, lease: timedelta = timedelta(seconds=30)) -> list[Claimed]:
    """Take what has been due longest, in order of id; a suspect only alone. Empty when nothing is due."""
    with db.write() as conn:
        # Should the server crash and forget this claim, the delivery is due as before. Who held it meets the fence;
        # what they finished comes later in the same log, so it is never kept without its claim.
        without_waiting(conn)
        now = db.now(conn)
        until = now + lease
        return (
            _take(conn, suspect=True, due_by=now - SUSPECT_PATIENCE, limit=1, until=until)
            or _take(conn, suspect=False, due_by=now, limit=limit, until=until)
            or _take(conn, suspect=True, due_by=now, limit=1, until=until)
        )


def _take(conn: Connection, *, suspect: bool, due_by: datetime, limit: int, until: datetime) -> list[Claimed]:
    token = uuid.uuid4().hex
    chosen = (
        select(deliveries.c.id)
        .where(WAITING, deliveries.c.suspect == (true() if suspect else false()), deliveries.c.next_at <= due_by)
        .order_by(deliveries.c.next_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(deliveries)
        .where(among(conn, deliveries.c.id, chosen))
        .values(state="processing", attempts=deliveries.c.attempts + 1, claim=token, lease_until=until,
                claimed_alone=suspect)
        .returning(deliveries.c.id, deliveries.c.source, deliveries.c.endpoint, deliveries.c.received_at,
                   deliveries.c.sent_at, deliveries.c.attempts)
    )  # fmt: skip
    rows = sorted(conn.execute(taken), key=lambda row: row.id)
    raw = _raw(conn, [row.id for row in rows])
    return [
        Claimed(row.id, row.source, row.endpoint, raw[row.id].headers, bytes(raw[row.id].body), row.received_at,
                row.sent_at, row.attempts, token, suspect, raw[row.id].truncated)
        for row in rows
    ]  # fmt: skip


def _raw(conn: Connection, ids: Sequence[int]) -> dict[int, Any]:
    if not ids:
        return {}
    query = select(raw_requests).where(one_of(conn, raw_requests.c.delivery_id, ids))
    return {row.delivery_id: row for row in conn.execute(query)}


def finish(
    conn: Connection,
    claimed: Claimed,
    *,
    outcome: str,
    event: str | None,
    ticket_id: int | None,
    cause: str | None = None,
) -> None:
    """Done, in the caller's transaction. Raises Fenced if the delivery is not ours any more."""
    finish_all(conn, [Finished(claimed, outcome=outcome, event=event, ticket_id=ticket_id, cause=cause)])


def finish_all(conn: Connection, finished: Sequence[Finished]) -> None:
    """The same for many. Raises Fenced if any of them is not ours any more; the caller rolls back."""
    if not finished:
        return
    at = time_of(conn)
    rows = [
        {
            "id": one.claimed.id,
            "claim": one.claimed.claim,
            "state": "done",
            "outcome": one.outcome,
            "event": storable.optional_text(one.event, 80),
            "ticket_id": one.ticket_id,
            "cause": storable.optional_text(one.cause, 40),
            "detail": storable.optional_text(one.detail, 1000),
            "done_at": at,
            "lease_until": None,
        }
        for one in finished
    ]
    if update_rows(conn, deliveries, rows, by=("id", "claim"), where=PROCESSING) != len(rows):
        raise Fenced(f"some of {len(rows)} deliveries were taken over")


def fail(
    db: Database,
    claimed: Claimed,
    *,
    retry_in: timedelta | None,
    cause: str,
    detail: str,
    refund: bool = False,
) -> None:
    """Try again in `retry_in`, or bury it (None). Leaves a line in the audit trail. Raises Fenced if not ours."""
    with db.write() as conn:
        now = db.now(conn)
        cause, detail = storable.text(cause, 40), storable.text(detail, 1000)
        values: dict[str, Any] = {"cause": cause, "detail": detail, "lease_until": None, "claim": None, "wakes": 0}
        if retry_in is None:
            values |= {"state": "dead", "done_at": now}
        else:  # it came back with an answer, so it did not kill anybody
            values |= {"state": "retry", "next_at": now + retry_in, "wake_at": now + retry_in, "suspect": False}
        if refund:
            values["attempts"] = deliveries.c.attempts - 1
        if conn.execute(update(deliveries).where(_mine(claimed)).values(values)).rowcount != 1:
            raise Fenced(f"d{claimed.id} was taken over")
        subject = [(f"d{claimed.id}", claimed.attempts)]
        audit.note(conn, subject, now=now, outcome=values["state"], cause=cause, detail=detail)


def release(db: Database, claimed: Sequence[Claimed], *, pause: timedelta = timedelta(0)) -> None:
    """Give back untouched, with the attempt, what is still ours; nothing is their fault. Due again after `pause`."""
    if not claimed:
        return
    tokens = sorted({one.claim for one in claimed})
    with db.write() as conn:
        at = db.now(conn) + pause
        conn.execute(
            update(deliveries)
            .where(PROCESSING, deliveries.c.claim.in_(tokens), deliveries.c.id.in_([one.id for one in claimed]))
            .values(state=case((deliveries.c.attempts <= 1, "pending"), else_="retry"), claim=None, lease_until=None,
                    attempts=deliveries.c.attempts - 1, next_at=at, wake_at=at)
        )  # fmt: skip


def reap(db: Database) -> list[tuple[int, str]]:
    """Take back what outlived its lease: (id, "suspect") to run alone, or (id, "poison") after three lone deaths."""
    alone = deliveries.c.claimed_alone
    fatal = and_(alone, deliveries.c.lone_deaths + 1 >= LONE_DEATHS)
    with db.write() as conn:
        now = db.now(conn)
        at = literal(now, UtcTime())
        expired = (
            select(deliveries.c.id).where(PROCESSING, deliveries.c.lease_until <= now).with_for_update(skip_locked=True)
        )
        values: dict[str, Any] = {
            "state": case((fatal, "dead"), else_="retry"),
            "cause": case((fatal, "poison"), else_="lease_expired"),
            "detail": case((fatal, "its worker died three times while it ran alone"), else_="its worker died"),
            "done_at": case((fatal, at), else_=None),
            "lone_deaths": deliveries.c.lone_deaths + case((alone, 1), else_=0),
            "attempts": deliveries.c.attempts - case((alone, 0), else_=1),  # company never counts
            "suspect": True, "claim": None, "lease_until": None, "next_at": now, "wake_at": now, "wakes": 0,
        }  # fmt: skip
        reaped = conn.execute(
            update(deliveries)
            .where(among(conn, deliveries.c.id, expired))
            .values(values)
            .returning(deliveries.c.id, deliveries.c.state, deliveries.c.attempts)
        ).all()
        fates = [(row.id, "poison" if row.state == "dead" else "suspect") for row in sorted(reaped)]
        audit.note(conn, [(f"d{row.id}", row.attempts) for row in reaped], now=now, outcome="lease_expired")
    return fates


def _mine(claimed: Claimed) -> Any:
    return and_(PROCESSING, deliveries.c.id == claimed.id, deliveries.c.claim == claimed.claim)
