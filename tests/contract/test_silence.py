"""A PostgreSQL that is stopped in its tracks: its connections stay open and say nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.postgres import PostgresServer
from worker.store import postgres as limits
from worker.store.database import Database, is_connection_lost

pytestmark = pytest.mark.postgres
LIMIT = 0.5


@pytest.fixture
def db(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(limits, "GRACE_SECONDS", LIMIT)
    database = Database.open(postgres.url, statement_timeout=LIMIT)
    yield database
    database.dispose()


class TestSilence:
    def test_a_stopped_backend_is_given_up_and_another_asked(self, db: Database) -> None:
        with db.read() as conn:
            pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()

            with stopped(pid), pytest.raises(DBAPIError) as caught:
                conn.execute(text("SELECT 'nobody answers'"))
            conn.rollback()

        assert is_connection_lost(caught.value)
        with db.write() as conn:
            assert conn.execute(text("SELECT 1")).scalar_one() == 1

    def test_one_that_was_stopped_while_it_was_idle_is_replaced(
        self, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IDLE_SECONDS", 0)  # any idleness counts
        with db.read() as conn:
            pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()

        with stopped(pid), db.write() as conn:
            assert conn.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid

    def test_a_living_server_keeps_the_limit_itself(self, db: Database) -> None:
        with pytest.raises(DBAPIError) as caught, db.write() as conn:
            conn.execute(text("SELECT pg_sleep(10)"))

        assert getattr(caught.value.orig, "sqlstate", None) == "57014"

    def test_migrating_may_take_its_time(self, db: Database) -> None:
        with pytest.raises(DBAPIError) as caught, db.write() as conn:
            conn.execute(text("SET LOCAL statement_timeout = 0"))
            with limits.unhurried(conn):
                conn.execute(text(f"SELECT pg_sleep({3 * LIMIT})"))
            conn.execute(text("SELECT 'hurried again', pg_sleep(10)"))

        assert "hurried again" in str(caught.value)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
