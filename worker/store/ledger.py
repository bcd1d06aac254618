"""The books: what came in must be somewhere. `received` is counted apart from the inbox, so the two can disagree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from worker.store.bulk import among, insert_rows
from worker.store.database import Database
from worker.store.schema import deliveries, receipt_counts

ROLL_UP_MOST = 10_000  # rows per call: a short transaction


@dataclass(frozen=True, slots=True)
class Ledger:
    """Both sides of the equation, of one moment. `difference` is 0, or something was lost or doubled."""

    received: int
    reconciled: int
    processed: int
    ignored: int
    stale: int
    duplicate: int
    pending: int
    processing: int
    retry: int
    dead: int
    discarded: int
    difference: int


def ledger(db: Database) -> Ledger:
    """Count, in one snapshot."""
    with db.read() as conn:
        inbox = select(deliveries.c.state, deliveries.c.outcome, func.count()).group_by(
            deliveries.c.state, deliveries.c.outcome
        )
        found: Counter[str] = Counter()
        for state, outcome, n in conn.execute(inbox):
            found[str(outcome) if state == "done" else state] += n
        receipts = select(receipt_counts.c.kind, func.sum(receipt_counts.c.n)).group_by(receipt_counts.c.kind)
        counted: Counter[str] = Counter({kind: int(n) for kind, n in conn.execute(receipts)})
    outcomes = ("processed", "ignored", "stale", "duplicate", "pending", "processing", "retry", "dead", "discarded")
    return Ledger(
        received=counted["received"],
        reconciled=counted["reconciled"],
        **{name: found[name] for name in outcomes},
        difference=counted["received"] + counted["reconciled"] - sum(found[name] for name in outcomes),
    )


def roll_up_receipts(db: Database) -> int:
    """Make one row of the many that accepting leaves behind; returns how many were folded. The sums stay the same."""
    kinds = select(receipt_counts.c.kind, receipt_counts.c.source).distinct().subquery()
    with db.read() as conn:
        rows = conn.execute(select(func.count()).select_from(receipt_counts)).scalar_one()
        if rows <= conn.execute(select(func.count()).select_from(kinds)).scalar_one():
            return 0
    chosen = (
        select(receipt_counts.c.id).order_by(receipt_counts.c.id).limit(ROLL_UP_MOST).with_for_update(skip_locked=True)
    )
    gone = (receipt_counts.c.kind, receipt_counts.c.source, receipt_counts.c.n)
    with db.write() as conn:
        sums: Counter[tuple[str, str]] = Counter()
        folding = delete(receipt_counts).where(among(conn, receipt_counts.c.id, chosen))
        folded = conn.execute(folding.returning(*gone)).all()
        for kind, source, n in folded:
            sums[kind, source] += n
        insert_rows(conn, receipt_counts, [{"kind": kind, "source": s, "n": n} for (kind, s), n in sums.items()])
    return len(folded)
