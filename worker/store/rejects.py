"""The last refused requests, kept for `hookdesk verify` and re-admission: bounded, redacted by the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from worker.store.database import Database
from worker.store.schema import rejects

KEPT = 1000


@dataclass(frozen=True, slots=True)
class Reject:
    """One refused request; `id` is 0 until it is stored."""

    at: datetime
    source: str
    endpoint: str
    reason: str
    headers: dict[str, str]
    body: bytes
    id: int = 0


def keep(db: Database, rows: Sequence[Reject], *, kept: int = KEPT) -> None:
    """Store them and forget the oldest beyond `kept`, in one transaction."""
    if not rows:
        return
    values = [
        {"at": r.at, "source": r.source, "endpoint": r.endpoint, "reason": r.reason, "headers": r.headers,
         "body": r.body}
        for r in rows
    ]  # fmt: skip
    with db.write() as conn:
        conn.execute(insert(rejects), values)
        oldest = conn.scalar(select(rejects.c.id).order_by(rejects.c.id.desc()).offset(kept - 1).limit(1))
        if oldest is not None:
            conn.execute(delete(rejects).where(rejects.c.id < oldest))


def latest(db: Database, *, limit: int = 50) -> list[Reject]:
    """The newest first."""
    with db.read() as conn:
        return [_reject(row) for row in conn.execute(select(rejects).order_by(rejects.c.id.desc()).limit(limit))]


def get(db: Database, reject_id: int) -> Reject | None:
    """The one with that id, if it is still kept."""
    with db.read() as conn:
        row = conn.execute(select(rejects).where(rejects.c.id == reject_id)).first()
    return None if row is None else _reject(row)


def _reject(row: Row[Any]) -> Reject:
    return Reject(
        at=row.at, source=row.source, endpoint=row.endpoint, reason=row.reason, headers=row.headers, body=row.body,
        id=row.id,
    )  # fmt: skip
