"""The one door to SQL: opening, transactions, the time that counts, and the schema's version.

SQLite and PostgreSQL differ in three ways that are settled here: a writing transaction takes SQLite's one write lock at
once (`BEGIN IMMEDIATE`), a reading one is a snapshot on both, and PostgreSQL's own clock decides what is due, because
several machines may disagree about the time.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from worker.clock import Clock

BUSY_SECONDS = 10.0  # how long SQLite waits for another writer
LOOK_AGAIN_SECONDS = 0.002
POOL_SIZE = 8

_NOT_THE_STORE = frozenset({
    "40001", "40P01",  # serialisation failure and deadlock: the store is there, ask again
    "57014", "55P03", "54000",  # too slow, a lock held by another, a program limit: the statement's or its rows'
})  # fmt: skip
_FAILED_OVER = frozenset({"25006"})  # read-only transaction: the primary has become a standby


class Database:
    """Connections to one database. Opening connects to nothing, so it works while the database is away."""

    def __init__(self, engine: Engine, *, clock: Clock | None = None) -> None:
        self._engine = engine.execution_options(hookdesk_clock=clock)
        if self.is_sqlite:
            self._writer = self._engine.execution_options(hookdesk_begin="BEGIN IMMEDIATE")
            self._reader = self._glancer = self._engine
        else:
            self._writer = self._engine
            self._glancer = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._turn = threading.Lock()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock | None = None,
        statement_timeout: float = 5,
        connect_timeout: float = 2,
        by_key: bool = False,
    ) -> Database:
        """A database at `url`; `clock` replaces the time of the database, for tests. Times are in seconds.

        `by_key` is for who decides: no plan reads a whole table where an index serves, whatever its statistics say.
        """
        parsed = _with_driver(make_url(url))
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(
                parsed,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                pool_size=POOL_SIZE,
                hide_parameters=True,  # an error must not print what customers wrote, here and below
            )
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return cls(engine, clock=clock)
        from worker.store import postgres  # psycopg is an extra: only who uses PostgreSQL has it

        arguments = postgres.arguments(statement_timeout, connect_timeout, by_key=by_key)
        engine = create_engine(
            parsed, connect_args=arguments, pool_size=POOL_SIZE, pool_use_lifo=True, hide_parameters=True
        )
        postgres.ask_idle(engine)
        event.listen(engine, "do_connect", lambda _dialect, _record, given, named: postgres.connect(*given, **named))
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

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """For one writing statement that is a transaction by itself: PostgreSQL is asked once, not thrice."""
        with self._my_turn(), self._glancer.connect() as conn:
            yield conn

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For one statement alone that only reads: it needs no transaction, so PostgreSQL is asked once, not thrice."""
        with self._glancer.connect() as conn:
            yield conn

    def now(self, conn: Connection) -> datetime:
        """The time by which leases, next tries and timers are judged."""
        return time_of(conn)

    def migrate(self) -> None:
        """Bring the schema up to date. Several processes may call it at once: one works, the others wait."""
        from worker.store import migrations  # Alembic is slow to import and only needed here

        if self.is_sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with self.write() as conn, self._unhurried(conn):
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

    def _unhurried(self, conn: Connection) -> AbstractContextManager[None]:
        if self.is_sqlite:
            return nullcontext()
        from worker.store import postgres

        return postgres.unhurried(conn)

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


def keeps_time(conn: Connection) -> bool:
    """Whether the time of this connection's database is its own, and costs a statement."""
    return conn.dialect.name != "sqlite" and conn.get_execution_options().get("hookdesk_clock") is None


def time_of(conn: Connection) -> datetime:
    """The time of this connection's database: the clock it was opened with, PostgreSQL's own, or the host's."""
    if not keeps_time(conn):
        clock: Clock | None = conn.get_execution_options().get("hookdesk_clock")
        return clock.now() if clock is not None else datetime.now(UTC)
    at: datetime = conn.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return at.astimezone(UTC)


def without_waiting(conn: Connection) -> None:
    """Commit this transaction without waiting for the disk: PostgreSQL may forget it, and only it, in a crash."""
    if conn.dialect.name != "sqlite":
        conn.exec_driver_sql("SET LOCAL synchronous_commit = off")


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


def is_damaged(exc: BaseException) -> bool:
    """True when the file of an embedded database is broken, or is no database."""
    code = getattr(getattr(exc, "orig", exc), "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgres", "postgresql"} else url


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin ourselves: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # NORMAL can lose the last commits on power loss, and we answered 200
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(conn: Connection) -> None:
    begin = conn.get_execution_options().get("hookdesk_begin", "BEGIN")
    if begin == "BEGIN":
        conn.exec_driver_sql(begin)
    else:
        _begin_soon(conn.connection.driver_connection, begin)


def _begin_soon(connection: Any, begin: str) -> None:
    """Take the write lock soon after it is free; raises OperationalError when it is not within BUSY_SECONDS.

    SQLite's own waiting ends up looking only every 100 ms, so that a receiver would miss the moments between two
    transactions of a busy worker; this looks every 2 ms.
    """
    until = time.monotonic() + BUSY_SECONDS
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute(begin)
                return
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise OperationalError(begin, None, exc) from exc
            except sqlite3.DatabaseError as exc:  # the file is damaged, or no database
                raise DatabaseError(begin, None, exc) from exc
            time.sleep(LOOK_AGAIN_SECONDS)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
