"""Transactions, snapshots, migrations, and what counts as a lost connection."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.contract.builders import NOON, accepted
from tests.postgres import PostgresServer
from worker.clock import ManualClock
from worker.store.database import Database, is_connection_lost
from worker.store.schema import deliveries, leases, metadata


class TestMigrations:
    def test_they_make_exactly_the_tables_of_the_code(self, db: Database) -> None:
        with db.read() as conn:
            context = MigrationContext.configure(conn, opts={"compare_server_default": not db.is_sqlite})
            differences = compare_metadata(context, metadata)

        assert differences == []

    def test_they_say_the_same_down_to_the_conditions_of_indexes(self, db: Database, url: str) -> None:
        migrated = _definitions(db)
        with db.write() as conn:
            metadata.drop_all(conn)
            metadata.create_all(conn)

        assert migrated == _definitions(db)
        assert any("WHERE" in line for line in migrated)

    def test_they_may_be_run_again(self, db: Database) -> None:
        accepted(db, 2)
        db.migrate()

        with db.read() as conn:
            assert len(conn.execute(select(deliveries.c.id)).all()) == 2

    def test_several_at_once_wait_for_each_other(self, empty: Database) -> None:
        failures: list[Exception] = []

        def run() -> None:
            try:
                empty.migrate()
            except Exception as exc:  # the test's own verdict
                failures.append(exc)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert empty.schema_is_current()

    def test_an_empty_database_is_not_current(self, empty: Database) -> None:
        assert not empty.schema_is_current()


class TestTransactions:
    def test_an_exception_rolls_back(self, db: Database) -> None:
        with pytest.raises(RuntimeError), db.write() as conn:
            conn.execute(leases.insert().values(name="x", holder="me", until=NOON))
            raise RuntimeError("no")

        with db.read() as conn:
            assert conn.execute(select(leases)).all() == []

    def test_an_error_does_not_tell_what_was_written(self, db: Database) -> None:
        with pytest.raises(DBAPIError) as caught, db.write() as conn:
            conn.execute(text("INSERT INTO nowhere VALUES (:body)"), {"body": "what a customer wrote"})

        assert "what a customer wrote" not in str(caught.value)

    def test_a_read_is_one_snapshot(self, db: Database) -> None:
        with db.read() as conn:
            before = conn.execute(select(deliveries.c.id)).all()
            accepted(db, 1)
            after = conn.execute(select(deliveries.c.id)).all()

        assert before == after == []

    def test_a_read_cannot_write_on_postgres(self, db: Database) -> None:
        if db.is_sqlite:
            return
        with pytest.raises(DBAPIError, match="read-only"), db.read() as conn:
            conn.execute(leases.insert().values(name="x", holder="me", until=NOON))

    def test_times_come_back_in_utc_to_the_microsecond(self, db: Database) -> None:
        at = NOON + timedelta(microseconds=123_456)
        with db.write() as conn:
            conn.execute(leases.insert().values(name="x", holder="me", until=at))
            found = conn.execute(select(leases.c.until)).scalar_one()

        assert found == at
        assert found.utcoffset() == timedelta(0)

    def test_sqlite_syncs_every_commit(self, db: Database) -> None:
        if not db.is_sqlite:
            return
        with db.read() as conn:
            assert conn.execute(text("PRAGMA synchronous")).scalar_one() == 2
            assert conn.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"


class TestNow:
    def test_it_is_the_given_clock(self, db: Database, clock: ManualClock) -> None:
        clock.advance(5)
        with db.read() as conn:
            assert db.now(conn) == NOON + timedelta(seconds=5)

    def test_without_a_clock_it_moves_inside_a_transaction(self, url: str) -> None:
        database = Database.open(url)
        with database.write() as conn:
            first, second = database.now(conn), database.now(conn)
        database.dispose()

        assert first < second
        assert abs(datetime.now(UTC) - second) < timedelta(seconds=30)


class TestIsConnectionLost:
    def test_a_refused_row_is_not_the_stores_trouble(self, db: Database) -> None:
        with pytest.raises(IntegrityError) as caught, db.write() as conn:
            for _ in range(2):
                conn.execute(leases.insert().values(name="x", holder="me", until=NOON))

        assert not is_connection_lost(caught.value)
        assert not is_connection_lost(ValueError())

    def test_nobody_listening_is(self) -> None:
        database = Database.open("postgresql://nobody@127.0.0.1:1/none")

        with pytest.raises(DBAPIError) as caught, database.write():
            pass

        assert is_connection_lost(caught.value)

    def test_a_missing_folder_is(self, tmp_path: Path) -> None:
        database = Database.open(f"sqlite:///{tmp_path}/nowhere/hookdesk.db")

        with pytest.raises(DBAPIError) as caught, database.write():
            pass

        assert is_connection_lost(caught.value)

    @pytest.mark.postgres
    def test_a_killed_server_is_and_its_return_is_noticed(self, postgres: PostgresServer) -> None:
        database = Database.open(postgres.create("killed"))
        database.migrate()

        with pytest.raises(DBAPIError) as caught, database.write() as conn:
            postgres.restart()
            conn.execute(text("SELECT 1"))

        assert is_connection_lost(caught.value)
        assert database.schema_is_current()
        database.dispose()


class TestIdleConnections:
    def test_one_that_died_meanwhile_is_replaced_unnoticed(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        if db.is_sqlite:
            return  # a file has no server that could hang up
        with db.read() as conn:
            old = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        other = Database.open(db._engine.url.render_as_string(hide_password=False))
        with other.write() as conn:
            conn.exec_driver_sql(f"SELECT pg_terminate_backend({old}, 5000)")
        other.dispose()
        monkeypatch.setattr("worker.store.postgres.IDLE_SECONDS", 0)

        with db.read() as conn:
            assert conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != old


class TestBodies:
    def test_postgres_compresses_them_with_lz4_if_it_can(self, empty: Database) -> None:
        if empty.is_sqlite:
            return
        empty.migrate()

        with empty.read() as conn:
            knows = conn.exec_driver_sql(
                "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
            ).scalar_one()
            used = conn.exec_driver_sql(
                "SELECT attcompression::text FROM pg_attribute"
                " WHERE attrelid = 'raw_requests'::regclass AND attname = 'body'"
            ).scalar_one()

        assert used == ("l" if knows else "")


def _definitions(db: Database) -> set[str]:
    """Indexes as the database has them; of SQLite also the columns, in no order: a later migration adds at the end."""
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    if db.is_sqlite:
        query = (
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL UNION SELECT m.name || ' ' ||"
            " c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk"
            " FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
            " WHERE m.type = 'table' AND m.name <> 'alembic_version'"
        )
    with db.read() as conn:
        return set(conn.execute(text(query)).scalars())
