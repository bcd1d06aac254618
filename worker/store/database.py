"""The one door to SQL: opening, transactions, the time that counts, and the schema's version.

SQLite and PostgreSQL differ in three ways that are settled here: a writing transaction takes SQLite's one write lock at
once (`BEGIN IMMEDIATE`), a reading one is a snapshot on both, and PostgreSQL's own clock decides what is due, because
several machines may disagree about the time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from worker.clock import Clock

BUSY_SECONDS = 10.0  # how long SQLite waits for another writer
POOL_SIZE = 8
SILENCE_SECONDS = 5  # a PostgreSQL that stops answering on the network is given up after this

_NOT_THE_STORE = frozenset({"40001", "40P01"})  # serialisation failure and deadlock: the store is there, ask again
_FAILED_OVER = frozenset({"25006"})  # read-only transaction: the primary has become a standby


class Database:
    """Connections to one database. Opening connects to nothing, so it works while the database is away."""

    def __init__(self, engine: Engine, *, clock: Clock | None = None) -> None:
        self._engine = engine.execution_options(hookdesk_clock=clock)
        if self.is_sqlite:
            self._writer = self._engine.execution_options(hookdesk_begin="BEGIN IMMEDIATE")
            self._reader = self._engine
        else:
            self._writer = self._engine
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._turn = threading.Lock()

    @classmethod
    def open(
        cls, url: str, *, clock: Clock | None = None, statement_timeout: float = 5, connect_timeout: float = 2
    ) -> Database:
        """A database at `url`; `clock` replaces the time of the database, for tests. Times are in seconds."""
        parsed = _with_driver(make_url(url))
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(
                parsed,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                pool_size=POOL_SIZE,
                hide_parameters=True,  # an error must not print what customers wrote
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return cls(engine, clock=clock)
        arguments = _postgres_arguments(statement_timeout, connect_timeout)
        engine = create_engine(parsed, connect_args=arguments, pool_size=POOL_SIZE, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgres)
        return cls(engine, clock=clock)

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded database."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write; commits at the end, rolls back on an exception."""
        with self._my_turn(), self._writer.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: everything read in it is of the same moment."""
        with self._reader.connect() as conn, conn.begin():
            yield conn

    def now(self, conn: Connection) -> datetime:
        """The time by which leases, next tries and timers are judged."""
        return time_of(conn)

    def migrate(self) -> None:
        """Bring the schema up to date. Several processes may call it at once: one works, the others wait."""
        from worker.store import migrations  # Alembic is slow to import and only needed here

        if self.is_sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with self.write() as conn:
            migrations.upgrade(conn)

    def schema_is_current(self) -> bool:
        """True when the database is at exactly the revision this code was written for."""
        from worker.store import migrations

        with self.read() as conn:
            return migrations.is_current(conn)

    def dispose(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def after_fork(self) -> None:
        """In a forked child: forget the parent's connections without closing them under it."""
        self._engine.dispose(close=False)
        self._turn = threading.Lock()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """SQLite has one writer; threads queue here, where waiting is fair, instead of polling its lock."""
        if not self.is_sqlite:
            yield
            return
        turn = self._turn
        if not turn.acquire(timeout=BUSY_SECONDS):
            raise OperationalError("BEGIN IMMEDIATE", None, TimeoutError("database is locked by this process"))
        try:
            yield
        finally:
            turn.release()


def time_of(conn: Connection) -> datetime:
    """The time of this connection's database: the clock it was opened with, PostgreSQL's own, or the host's."""
    clock: Clock | None = conn.get_execution_options().get("hookdesk_clock")
    if clock is not None:
        return clock.now()
    if conn.dialect.name == "sqlite":
        return datetime.now(UTC)
    at: datetime = conn.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return at.astimezone(UTC)


def is_connection_lost(exc: BaseException) -> bool:
    """True when the store, and not the statement, is the trouble: away, refusing, locked, full or failing over."""
    if isinstance(exc, PoolTimeout):
        return True
    if not isinstance(exc, DBAPIError):
        return False
    if exc.connection_invalidated:
        return True
    sqlstate = getattr(exc.orig, "sqlstate", None)
    if sqlstate in _FAILED_OVER:
        return True
    return isinstance(exc, OperationalError) and sqlstate not in _NOT_THE_STORE


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgres", "postgresql"} else url


def _postgres_arguments(statement_timeout: float, connect_timeout: float) -> dict[str, Any]:
    milliseconds = int(statement_timeout * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    options += " -c enable_bitmapscan=off"  # while statistics are behind it collects and sorts a backlog for each claim
    return {
        "connect_timeout": max(2, int(connect_timeout)),  # libpq takes less than 2 for 2
        "options": options,
        "application_name": "hookdesk",
        "keepalives_idle": SILENCE_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "tcp_user_timeout": SILENCE_SECONDS * 1000,
    }


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin ourselves: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL can lose the last commits on power loss, and we answered 200
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _prepare_postgres(connection: Any, _record: Any) -> None:
    """Send arrays in binary: as text, every quote of the JSON in them is escaped in Python, which costs the most."""
    from psycopg.types.array import ListBinaryDumper  # psycopg is an extra: only who uses PostgreSQL has it

    connection.adapters.register_dumper(list, ListBinaryDumper)


def _begin_sqlite(conn: Connection) -> None:
    conn.exec_driver_sql(conn.get_execution_options().get("hookdesk_begin", "BEGIN"))


def lock_name(conn: Connection, number: int) -> None:
    """Let one transaction at a time pass here; SQLite's writers already are one at a time."""
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})
