"""The inbox: raw requests become rows, counted once, in one transaction for many.

The same receipt may arrive twice (a request that was spooled although its commit had succeeded): it is stored and
counted once. The same key may arrive under many receipts (a sender that repeats itself): each is a row of its own, and
all but the first point at the first, done as a duplicate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import OperationalError

from worker.errors import DependencyDown
from worker.store import inbox_postgres, storable
from worker.store.bulk import insert_rows
from worker.store.database import Database
from worker.store.schema import deliveries, raw_requests, receipt_counts

GRACE = timedelta(seconds=1)  # the receiver wakes what it accepts; the scheduler only what nobody took by then
_DEADLOCK = "40P01"
_DEADLOCK_TRIES = 3


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request as it arrived. `dead_cause` is set for what is kept but cannot be processed."""

    receipt_id: str
    source: str
    endpoint: str
    delivery_id: str | None
    dedupe_key: str
    headers: dict[str, str]
    body: bytes
    received_at: datetime
    sent_at: datetime | None = None
    truncated: bool = False
    dead_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where a receipt is now; `duplicate_of` is the first delivery with the same key."""

    receipt_id: str
    id: int
    duplicate_of: int | None


def accept(db: Database, receipts: Sequence[Receipt], *, kind: str = "received") -> list[Accepted]:
    """Store them; returns one answer per receipt, in order. All is durable when it returns.

    A row and its count commit together. After an error some may be stored, and the same call again finds them.
    """
    for _ in range(_DEADLOCK_TRIES - 1):
        try:
            return _accept(db, receipts, kind)
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) != _DEADLOCK:
                raise
    return _accept(db, receipts, kind)


def _accept(db: Database, receipts: Sequence[Receipt], kind: str) -> list[Accepted]:
    if not receipts:
        return []
    firsts, others = _fold(receipts)
    known = _store_firsts(db, firsts, kind)
    if len(known) < len(firsts):
        others = [*(one for one in firsts.values() if one.receipt_id not in known), *others]
    if others:
        with db.write() as conn:
            _store_others(conn, others, known, kind, db.now(conn))
    if lost := [receipt.receipt_id for receipt in receipts if receipt.receipt_id not in known]:
        raise DependencyDown(
            f"{len(lost)} receipts were neither stored nor known before, {lost[0]} among them: a sequence of the "
            "database lies behind its table, as after a restore without sequences. Set it right with setval()."
        )
    return [known[receipt.receipt_id] for receipt in receipts]


def _fold(receipts: Iterable[Receipt]) -> tuple[dict[str, Receipt], list[Receipt]]:
    """The first of each key, and the other ones, each sorted so that two calls meet their common keys in one order."""
    firsts: dict[str, Receipt] = {}
    others: dict[str, Receipt] = {}
    for receipt in receipts:
        first = firsts.setdefault(_key(receipt), receipt)
        if first.receipt_id != receipt.receipt_id:
            others[receipt.receipt_id] = receipt
    return dict(sorted(firsts.items(), key=itemgetter(0))), sorted(others.values(), key=_order)


def _store_firsts(db: Database, firsts: Mapping[str, Receipt], kind: str) -> dict[str, Accepted]:
    """Those whose key and id are new, in one transaction; on PostgreSQL by one statement, which is one by itself."""
    if db.is_sqlite:
        with db.write() as conn:
            stored = _insert_firsts(conn, list(firsts.values()), kind, db.now(conn))
    else:
        with db.alone() as conn:
            stored = inbox_postgres.insert_firsts(conn, firsts, kind=kind, grace=GRACE)
    return {receipt_id: Accepted(receipt_id, id_, None) for id_, receipt_id in stored}


def _insert_firsts(
    conn: Connection, firsts: Sequence[Receipt], kind: str, now: datetime
) -> Sequence[Row[*tuple[Any, ...]]]:
    rows = [_row(receipt, now) for receipt in firsts]
    stored = insert_rows(conn, deliveries, rows, returning=("id", "receipt_id"), ignore=True)
    ids = {receipt_id: id_ for id_, receipt_id in stored}
    raw = [
        {"delivery_id": ids[one.receipt_id], "headers": one.headers, "body": one.body, "truncated": one.truncated}
        for one in firsts
        if one.receipt_id in ids
    ]
    insert_rows(conn, raw_requests, raw)
    _count(conn, firsts, ids, kind)
    return stored


def _store_others(
    conn: Connection, others: Sequence[Receipt], known: dict[str, Accepted], kind: str, now: datetime
) -> None:
    """Receipts whose key or id was taken: known ones are looked up, the others become duplicates."""
    first_of = _first_by_key(conn, {_key(receipt) for receipt in others})
    rows = [_duplicate_row(receipt, first_of, now) for receipt in others if _key(receipt) in first_of]
    stored = insert_rows(conn, deliveries, rows, returning=("id", "receipt_id", "duplicate_of"), ignore=True)
    known.update({receipt_id: Accepted(receipt_id, id_, first) for id_, receipt_id, first in stored})
    missing = [receipt.receipt_id for receipt in others if receipt.receipt_id not in known]
    if missing:
        columns = (deliveries.c.id, deliveries.c.receipt_id, deliveries.c.duplicate_of)
        for id_, receipt_id, first in conn.execute(select(*columns).where(deliveries.c.receipt_id.in_(missing))):
            known[receipt_id] = Accepted(receipt_id, id_, first)
    _count(conn, others, {row.receipt_id for row in stored}, kind)


def _first_by_key(conn: Connection, keys: set[str]) -> dict[str, int]:
    query = select(deliveries.c.dedupe_key, deliveries.c.id).where(
        deliveries.c.dedupe_key.in_(sorted(keys)), deliveries.c.duplicate_of.is_(None)
    )
    return {row.dedupe_key: row.id for row in conn.execute(query)}


def _count(conn: Connection, receipts: Sequence[Receipt], new: Container[str], kind: str) -> None:
    counts = Counter(storable.text(one.source, 40) for one in receipts if one.receipt_id in new)
    insert_rows(conn, receipt_counts, [{"kind": kind, "source": source, "n": n} for source, n in counts.items()])


def _key(receipt: Receipt) -> str:
    return storable.key(receipt.dedupe_key, 400)


def _order(receipt: Receipt) -> tuple[str, str]:
    return _key(receipt), receipt.receipt_id


def _row(receipt: Receipt, now: datetime) -> dict[str, Any]:
    dead = receipt.dead_cause is not None
    return {
        "receipt_id": receipt.receipt_id,
        "source": storable.text(receipt.source, 40),
        "endpoint": storable.text(receipt.endpoint, 40),
        "delivery_id": None if receipt.delivery_id is None else storable.key(receipt.delivery_id, 200),
        "dedupe_key": _key(receipt),
        "duplicate_of": None,
        "size": len(receipt.body),
        "state": "dead" if dead else "pending",
        "outcome": None,
        "cause": storable.optional_text(receipt.dead_cause, 40),
        "next_at": now,
        "wake_at": now + GRACE,
        "received_at": receipt.received_at,
        "sent_at": receipt.sent_at,
        "done_at": now if dead else None,
    }


def _duplicate_row(receipt: Receipt, first_of: Mapping[str, int], now: datetime) -> dict[str, Any]:
    first = first_of[_key(receipt)]
    done = {"duplicate_of": first, "state": "done", "outcome": "duplicate", "cause": None, "done_at": now}
    return {**_row(receipt, now), **done}
