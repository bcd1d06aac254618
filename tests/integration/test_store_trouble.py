"""The database goes away, is slow or holds a lock in the middle of a batch: nobody is blamed for it, nobody waits."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.integration.system import eventually
from tests.integration.test_crash_loses_nothing import conversation
from worker import processing
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.firing import fire_due
from worker.policy_file import load_policy
from worker.processing import drain, process
from worker.settling import settle
from worker.store import claims, tickets, timers
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.store.ledger import ledger
from worker.store.schema import deliveries
from worker.store.schema import tickets as ticket_table
from worker.wake import RecordingWaker

Read = Sequence[Any]


class Place:
    """A desk on its own database, whose statements may take a quarter of a second, and time that stands still."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.clock = ManualClock(datetime.fromtimestamp(conversation(1)["created_at"], UTC))
        self.db = Database.open(url, clock=self.clock, statement_timeout=0.25)
        self.db.migrate()
        settings = Settings(data_dir=folder, database_url=url)
        self.desk = Desk(settings=settings, policy=load_policy(None), db=self.db, wake=RecordingWaker())

    def accept(self, *numbers: int) -> None:
        """One delivery for each conversation of that number, as it is now."""
        for number in numbers:
            key = uuid.uuid4().hex
            body = conversation(number) | {"updated_at": self.clock.now().timestamp()}
            raw = json.dumps(body).encode()
            accept(self.db, [Receipt(key, "chatwoot", "account", key, key, {}, raw, self.clock.now())])

    def answer(self, ticket_id: int) -> None:
        """An answer from our own survey page."""
        body = {"ticket_id": ticket_id, "resolution": 1, "rating": 5, "at": self.clock.now().isoformat()}
        raw = json.dumps(body).encode()
        accept(self.db, [Receipt(uuid.uuid4().hex, "survey", "page", None, "answer", {}, raw, self.clock.now())])

    def rows(self) -> list[tuple[str, int, bool, int]]:
        """State, tries, suspicion and lone deaths of each delivery."""
        with self.db.read() as conn:
            columns = (deliveries.c.state, deliveries.c.attempts, deliveries.c.suspect, deliveries.c.lone_deaths)
            return [tuple(row) for row in conn.execute(select(*columns).order_by(deliveries.c.id))]

    def drain(self) -> int:
        return drain(self.desk, seconds=20)

    def drain_elsewhere(self) -> threading.Thread:
        """Drain on another thread, with patience and by the database's own clock; it waits for a lock on return."""
        thread = threading.Thread(target=self._drain_patiently)
        thread.start()
        eventually(self._is_somebody_waiting)
        return thread

    def _drain_patiently(self) -> None:
        db = Database.open(self.url, statement_timeout=20)
        drain(replace(self.desk, db=db), seconds=20)
        db.dispose()

    def _is_somebody_waiting(self) -> bool:
        with self.db.read() as conn:
            return bool(conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    made = Place(tmp_path, database_url)
    yield made
    made.db.dispose()


class TestStoreAway:
    @pytest.mark.parametrize("number", [1, 3])
    def test_what_was_claimed_is_given_back_without_a_blemish(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        place.accept(*range(number))
        monkeypatch.setattr(processing, "settle", _gone)

        with pytest.raises(DBAPIError):
            place.drain()
        monkeypatch.undo()

        assert place.rows() == [("pending", 0, False, 0)] * number
        assert place.drain() == 0
        place.clock.advance(1)
        assert place.drain() == number
        assert ledger(place.db).difference == 0

    def test_also_when_the_commit_had_succeeded(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        place.accept(1, 2)
        monkeypatch.setattr(processing, "_tell", _gone)

        with pytest.raises(DBAPIError):
            place.drain()

        assert [state for state, *_ in place.rows()] == ["done"] * 2

    def test_an_outage_while_a_suspect_runs_alone_is_no_death(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.accept(1)
        with place.db.write() as conn:
            conn.execute(update(deliveries).values(suspect=True))
        monkeypatch.setattr(processing, "settle", _gone)

        for _ in range(4):
            with pytest.raises(DBAPIError):
                place.drain()
            place.clock.advance(31)

        assert place.rows() == [("pending", 0, True, 0)]

    @pytest.mark.postgres
    def test_a_connection_cut_in_the_middle(
        self, place: Place, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1, 2)

        def cut(conn: Connection, desk: Desk, read: Read, **_: object) -> None:
            settle(conn, desk, read)
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        monkeypatch.setattr(processing, "settle", cut)
        with pytest.raises(DBAPIError):
            place.drain()

        assert place.rows() == [("pending", 0, False, 0)] * 2


@pytest.mark.postgres
class TestLockHeldByAnother:
    def test_the_others_of_a_batch_are_processed(self, place: Place, database_url: str) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1, 2, 3)
        place.drain()
        place.clock.advance(60)
        place.accept(1, 2, 3)
        with held(database_url, "1/2"):
            assert place.drain() == 2

        assert [row[0] for row in place.rows()[3:]] == ["done", "retry", "done"]
        place.clock.advance(3)
        assert place.drain() == 1

    def test_after_a_while_the_rest_goes_back_untouched(
        self, place: Place, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1, 2, 3)
        monkeypatch.setattr(processing, "ALONE_SECONDS", 0.0)
        monkeypatch.setattr(processing, "settle", _sleep)

        process(place.desk, claims.claim(place.db))

        assert [row[:2] for row in place.rows()] == [("retry", 1), ("pending", 0), ("pending", 0)]

    def test_the_others_timers_fire(self, place: Place, database_url: str) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1, 2)
        place.drain()
        place.clock.advance(timedelta(days=30))
        with held(database_url, "1/1"):
            assert fire_due(place.desk, seconds=20) > 0

        locked, free = sorted(tickets.list_tickets(place.db), key=lambda one: one.id)
        assert not timers.list_timers(place.db, ticket_id=locked.id, state="fired")
        assert timers.list_timers(place.db, ticket_id=free.id, state="fired")
        place.clock.advance(61)
        assert fire_due(place.desk, seconds=20) > 0


@pytest.mark.postgres
class TestLocks:
    def test_a_decision_is_as_of_a_moment_after_the_wait_for_them(self, place: Place) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1)
        place.drain()
        place.clock.advance(60)
        place.accept(1)

        with held(place.url, "1/1"):
            thread = place.drain_elsewhere()
            meanwhile = _now(place)
        thread.join()

        with place.db.read() as conn:
            assert conn.execute(select(ticket_table.c.updated_at)).scalar_one() > meanwhile

    def test_an_answer_and_a_conversation_are_locked_in_one_order(self, place: Place) -> None:
        if place.db.is_sqlite:
            return
        place.accept(1, 2)
        place.drain()
        second = max(one.id for one in tickets.list_tickets(place.db))
        place.clock.advance(60)
        place.answer(second)
        place.accept(1)

        with held(place.url, "1/1"):
            thread = place.drain_elsewhere()
            with place.db.write() as conn:
                assert second in tickets.lock_ids(conn, [second])
        thread.join()

        assert ledger(place.db).processed == 4


def _now(place: Place) -> datetime:
    with place.db.read() as conn:
        return datetime.fromisoformat(conn.execute(text("SELECT clock_timestamp()::text")).scalar_one())


@contextmanager
def held(url: str, external_id: str) -> Iterator[None]:
    """Somebody else has this ticket under its lock."""
    other = Database.open(url, statement_timeout=30)
    with other.write() as conn:
        conn.execute(select(ticket_table.c.id).where(ticket_table.c.external_id == external_id).with_for_update())
        yield
    other.dispose()


def _gone(*_: object, **__: object) -> None:
    raise OperationalError("COMMIT", None, ConnectionError("the server closed the connection"))


def _sleep(conn: Connection, *_: object, **__: object) -> None:
    conn.execute(text("SELECT pg_sleep(5)"))
