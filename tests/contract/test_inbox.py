"""Accepting: every receipt is stored and counted once, every key has one first."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import event, func, insert, select, text

from tests.contract.builders import NOON, a_receipt, accepted
from webhooks import trouble
from worker.store import claims, inbox, letters
from worker.store.database import Database
from worker.store.inbox import Accepted
from worker.store.ledger import ledger
from worker.store.schema import deliveries, raw_requests, receipt_counts


class TestAccept:
    def test_it_stores_the_request_byte_for_byte(self, db: Database) -> None:
        receipt = a_receipt(body=bytes(range(256)), headers={"X": "ä\ud800\0"}, sent_at=NOON - timedelta(seconds=2))

        (answer,) = inbox.accept(db, [receipt])

        assert answer == Accepted(receipt.receipt_id, answer.id, None)
        raw = letters.raw(db, answer.id)
        assert raw is not None
        assert (raw.body, raw.headers, raw.truncated) == (bytes(range(256)), {"X": "ä\ud800\0"}, False)
        row = letters.get_delivery(db, answer.id)
        assert row is not None
        assert (row.state, row.outcome, row.size, row.sent_at) == ("pending", None, 256, NOON - timedelta(seconds=2))

    @pytest.mark.parametrize("table", ["deliveries", "receipt_counts"])
    def test_with_a_sequence_behind_its_table_the_store_is_to_blame_and_not_the_receipts(
        self, db: Database, table: str
    ) -> None:
        if db.is_sqlite:
            return  # it counts on from the largest
        accepted(db, 3)
        with db.write() as conn:
            conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)"))

        with pytest.raises(Exception, match=r"setval|receipt_counts_pkey") as caught:
            inbox.accept(db, [a_receipt()])

        assert trouble.of(caught.value) is trouble.Trouble.STORE
        assert ledger(db).received == 3

    def test_nothing_is_nothing(self, db: Database) -> None:
        assert inbox.accept(db, []) == []

    def test_equal_keys_inside_one_call_point_at_the_first_of_them(self, db: Database) -> None:
        receipts = [a_receipt("b"), a_receipt("a"), a_receipt("b"), a_receipt("b")]

        answers = inbox.accept(db, receipts)

        assert [answer.receipt_id for answer in answers] == [receipt.receipt_id for receipt in receipts]
        first = answers[0].id
        assert [answer.duplicate_of for answer in answers] == [None, None, first, first]
        assert _count(db, raw_requests) == 2

    def test_equal_keys_across_calls_point_at_the_first(self, db: Database) -> None:
        (first,) = inbox.accept(db, [a_receipt("same")])
        again, other = inbox.accept(db, [a_receipt("same"), a_receipt("other")])

        assert again.duplicate_of == first.id
        assert other.duplicate_of is None
        row = letters.get_delivery(db, again.id)
        assert row is not None
        assert (row.state, row.outcome, row.duplicate_of) == ("done", "duplicate", first.id)
        assert letters.raw(db, again.id) == letters.raw(db, first.id)

    def test_the_same_receipt_counts_once(self, db: Database) -> None:
        receipt, repeated = a_receipt("a"), a_receipt("a")
        before = inbox.accept(db, [receipt, repeated])

        after = inbox.accept(db, [repeated, receipt, receipt])

        assert after == [before[1], before[0], before[0]]
        assert _count(db, deliveries) == 2
        assert ledger(db).received == 2

    def test_what_was_stored_before_an_error_is_found_by_the_next_call(
        self, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receipts = [a_receipt("a"), a_receipt("b"), a_receipt("a")]
        with monkeypatch.context() as broken:
            broken.setattr(inbox, "_store_others", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                inbox.accept(db, receipts)

        answers = inbox.accept(db, receipts)

        assert [answer.duplicate_of for answer in answers] == [None, None, answers[0].id]
        assert _count(db, deliveries) == 3
        assert (ledger(db).received, ledger(db).difference) == (3, 0)

    def test_what_is_new_costs_postgres_one_statement(self, db: Database) -> None:
        if db.is_sqlite:
            return  # it has no round trips
        inbox.accept(db, [a_receipt()])
        said: list[str] = []
        event.listen(db._engine, "before_cursor_execute", lambda _c, _k, statement, *_: said.append(statement))

        inbox.accept(db, [a_receipt() for _ in range(30)])

        assert len(said) == 1

    def test_each_source_is_counted_with_what_was_really_inserted(self, db: Database) -> None:
        known = a_receipt(source="email")
        inbox.accept(db, [known])
        inbox.accept(db, [known, a_receipt(source="email"), a_receipt(), a_receipt()])

        with db.read() as conn:
            query = select(receipt_counts.c.source, receipt_counts.c.n).order_by(receipt_counts.c.id)
            rows = [tuple(row) for row in conn.execute(query)]
        assert rows[0] == ("email", 1)
        assert sorted(rows[1:]) == [("chatwoot", 2), ("email", 1)]

    def test_reconciled_ones_are_counted_apart(self, db: Database) -> None:
        inbox.accept(db, [a_receipt(), a_receipt()], kind="reconciled")

        book = ledger(db)
        assert (book.received, book.reconciled, book.difference) == (0, 2, 0)

    def test_what_cannot_be_processed_is_a_dead_letter_at_once(self, db: Database) -> None:
        (answer,) = inbox.accept(db, [a_receipt(dead_cause="too_large", truncated=True)])

        row, raw = letters.get_delivery(db, answer.id), letters.raw(db, answer.id)
        assert row is not None
        assert (row.state, row.cause, row.done_at) == ("dead", "too_large", NOON)
        assert raw is not None
        assert raw.truncated
        assert claims.claim(db) == []

    def test_odd_texts_never_refuse_a_row(self, db: Database) -> None:
        odd = "\0\ud800" + "k" * 500
        first, again = a_receipt(odd, delivery_id=odd, source="s" * 99, endpoint=odd), a_receipt(odd)

        answers = inbox.accept(db, [first, a_receipt(odd + "x"), again])

        assert [answer.duplicate_of for answer in answers] == [None, None, answers[0].id]

    def test_many_at_once(self, db: Database) -> None:
        receipts = [a_receipt(f"k{n % 700}") for n in range(1500)]

        answers = inbox.accept(db, receipts)

        assert sum(answer.duplicate_of is None for answer in answers) == 700
        assert _count(db, raw_requests) == 700
        assert ledger(db).difference == 0


class TestConcurrentAccept:
    def test_the_same_keys_in_any_order_neither_deadlock_nor_double(
        self, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inbox, "_DEADLOCK_TRIES", 1)  # a deadlock must not happen, not only be survived
        starts = threading.Barrier(4)
        failures = _in_threads(4, lambda draw: _accept_shuffled(db, draw, starts))

        assert failures == []
        with db.read() as conn:
            firsts = conn.execute(select(deliveries.c.dedupe_key).where(deliveries.c.duplicate_of.is_(None))).all()
        assert len(firsts) == len(set(firsts)) == 6 * 60
        book = ledger(db)
        assert (book.received, book.duplicate, book.difference) == (4 * 6 * 60, 3 * 6 * 60, 0)

    def test_two_that_wait_for_a_third_do_not_wait_for_each_other(
        self, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if db.is_sqlite:  # one writer at a time: nobody holds anything while waiting
            return
        monkeypatch.setattr(inbox, "_DEADLOCK_TRIES", 1)
        failures: list[BaseException] = []
        opposite = iter((["a", "m", "z"], ["z", "m", "a"]))

        def work(_: random.Random) -> None:
            inbox.accept(db, [a_receipt(key) for key in next(opposite)])

        with pytest.raises(InterruptedError), db.write() as conn:
            conn.execute(insert(deliveries).values(inbox._row(a_receipt("m"), NOON)))
            both = threading.Thread(target=lambda: failures.extend(_in_threads(2, work)))
            both.start()
            _wait_for_lock_waiters(db, 2)
            raise InterruptedError
        both.join()

        assert failures == []
        assert ledger(db).duplicate == 3

    def test_the_same_receipts_from_two_sides_are_stored_once(self, db: Database) -> None:
        receipts = [a_receipt(f"key-{n % 15}") for n in range(40)]
        answers: list[list[Accepted]] = []
        failures = _in_threads(3, lambda _: answers.append(inbox.accept(db, receipts)))

        assert failures == []
        assert answers[0] == answers[1] == answers[2]
        assert ledger(db).received == _count(db, deliveries) == 40


def _accept_shuffled(db: Database, draw: random.Random, starts: threading.Barrier) -> None:
    for turn in range(6):
        keys = [f"key-{turn}-{n}" for n in range(60)]
        receipts = [a_receipt(key) for key in draw.sample(keys, len(keys))]
        starts.wait(timeout=20)
        inbox.accept(db, receipts)


def _wait_for_lock_waiters(db: Database, number: int) -> None:
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with db.read() as conn:
            if conn.execute(query).scalar_one() == number:
                return
    raise AssertionError("they do not wait")


def _in_threads(number: int, work: object) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(seed: int) -> None:
        try:
            work(random.Random(seed))  # type: ignore[operator]
        except BaseException as exc:  # the test's own verdict
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def _count(db: Database, table: object) -> int:
    with db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


class TestGrace:
    def test_the_scheduler_leaves_fresh_ones_to_the_receivers_wake_up(self, db: Database) -> None:
        accepted(db)

        assert claims.due(db, again_after=timedelta(seconds=5)) == []
        assert claims.has_due(db)
