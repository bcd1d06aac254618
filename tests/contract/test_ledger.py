"""The books balance after any sequence of operations, and show it when they do not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select

from tests.contract.builders import a_receipt, accepted, processed
from worker.clock import ManualClock
from worker.store import claims, inbox, letters
from worker.store.database import Database
from worker.store.inbox import Receipt
from worker.store.ledger import Ledger, ledger, roll_up_receipts
from worker.store.schema import deliveries, raw_requests, receipt_counts

OUTCOMES = ("processed", "ignored", "stale")


class Walk:
    """Random operations on one store, by a seed."""

    def __init__(self, db: Database, clock: ManualClock, seed: int) -> None:
        self.db, self.clock, self.draw = db, clock, random.Random(seed)
        self.sent: list[Receipt] = []

    def step(self) -> None:
        steps: tuple[Callable[[], object], ...] = (
            self.accept, self.accept, self.work, self.work, self.fail, self.crash, self.release, self.operate,
            self.roll_up, self.wait,
        )  # fmt: skip
        self.draw.choice(steps)()

    def accept(self) -> None:
        new = [a_receipt(f"key-{self.draw.randrange(60)}") for _ in range(self.draw.randrange(1, 6))]
        if self.draw.random() < 0.2:
            new.append(a_receipt(dead_cause="too_large"))
        again = self.draw.sample(self.sent, min(2, len(self.sent)))
        inbox.accept(self.db, [*new, *again], kind=self.draw.choice(("received", "received", "reconciled")))
        self.sent += new

    def work(self) -> None:
        taken = claims.claim(self.db, limit=4)
        with self.db.write() as conn:
            claims.finish_all(conn, [processed(one, outcome=self.draw.choice(OUTCOMES)) for one in taken])

    def fail(self) -> None:
        for one in claims.claim(self.db, limit=2):
            retry_in = self.draw.choice((None, timedelta(seconds=5)))
            claims.fail(self.db, one, retry_in=retry_in, cause="error", detail="")

    def crash(self) -> None:
        claims.claim(self.db, limit=2, lease=timedelta(seconds=3))

    def release(self) -> None:
        claims.release(self.db, claims.claim(self.db, limit=3))

    def operate(self) -> None:
        dead = [row.id for row in letters.list_deliveries(self.db, state="dead")]
        act = self.draw.choice((letters.replay, letters.discard))
        few = self.draw.sample(dead, min(2, len(dead)))
        letters.replay(self.db, few, actor="ada") if act is letters.replay else letters.discard(
            self.db, few, actor="ada", reason="spam"
        )

    def roll_up(self) -> None:
        roll_up_receipts(self.db)

    def wait(self) -> None:
        self.clock.advance(4)
        claims.reap(self.db)


class TestLedger:
    @pytest.mark.parametrize("seed", range(4))
    def test_the_difference_is_zero_after_any_walk(self, db: Database, clock: ManualClock, seed: int) -> None:
        walk = Walk(db, clock, seed)
        for _ in range(60):
            walk.step()
            assert ledger(db).difference == 0

        book = ledger(db)
        assert book.received + book.reconciled == _rows(db, deliveries) == len(walk.sent)
        assert book.duplicate > 0
        assert book.processed > 0

    def test_it_names_where_everything_is(self, db: Database) -> None:
        accepted(db, 3)
        inbox.accept(db, [a_receipt("a"), a_receipt("a"), a_receipt(dead_cause="too_large")])
        first, second = claims.claim(db, limit=2)
        with db.write() as conn:
            claims.finish_all(conn, [processed(first)])
        claims.fail(db, second, retry_in=timedelta(seconds=5), cause="error", detail="")
        claims.claim(db, limit=1)

        found = {field.name: getattr(ledger(db), field.name) for field in fields(Ledger)}
        nonzero = {name: n for name, n in found.items() if n}
        assert nonzero == {
            "received": 6, "processed": 1, "retry": 1, "processing": 1, "pending": 1, "duplicate": 1, "dead": 1,
        }  # fmt: skip

    def test_a_lost_row_shows(self, db: Database) -> None:
        answers = accepted(db, 3)
        with db.write() as conn:
            conn.execute(delete(raw_requests).where(raw_requests.c.delivery_id == answers[0].id))
            conn.execute(delete(deliveries).where(deliveries.c.id == answers[0].id))

        assert ledger(db).difference == 1


class TestRollUp:
    def test_it_keeps_the_sums(self, db: Database) -> None:
        for _ in range(5):
            accepted(db, 2)
            accepted(db, 1, source="email")
        inbox.accept(db, [a_receipt()], kind="reconciled")

        assert roll_up_receipts(db) == 11
        assert _rows(db, receipt_counts) == 3
        book = ledger(db)
        assert (book.received, book.reconciled, book.difference) == (15, 1, 0)

    def test_with_nothing_to_fold_it_writes_nothing(self, db: Database) -> None:
        accepted(db, 2)

        assert roll_up_receipts(db) == 0


def _rows(db: Database, table: object) -> int:
    with db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]
