"""Connections to PostgreSQL: their limits, and the one the server cannot keep for us, that it may fall silent.

A stopped or stuck server still acknowledges on the network, so neither `statement_timeout`, which it would have to
keep itself, nor `tcp_user_timeout` ends the wait. We do, and give the connection up: what became of the statement is
then unknown, as after any lost connection.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import event
from sqlalchemy.engine import Connection as Transaction
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError

SILENCE_SECONDS = 5  # a server that stops answering on the network is given up after this
IDLE_SECONDS = 1.0
GRACE_SECONDS = 2.0  # beyond the statement's own limit, which a living server keeps


class Connection(psycopg.Connection[Any]):
    """One that waits for an answer at most `patience` seconds (None: for ever) and then closes itself."""

    patience: float | None = None

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Everything that waits for the server passes here, except connecting. Raises OperationalError."""
        if self.patience is not None:
            gen = self._bounded(gen, time.monotonic() + self.patience)
        return super().wait(gen, *args, **options)

    def _bounded(self, gen: Any, until: float) -> Generator[Any, Any, Any]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has been silent for {self.patience:g} s")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def connect(*args: Any, statement_timeout: float, **options: Any) -> Connection:
    """A connection with a limit on its silence, too."""
    made = Connection.connect(*args, **options)
    made.patience = statement_timeout + GRACE_SECONDS
    # in binary: as text, every quote of the JSON in an array is escaped in Python, which costs the most
    made.adapters.register_dumper(list, ListBinaryDumper)
    return made


_BY_KEY = " ".join(
    f"-c {each}" for each in ("enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off",
                              "max_parallel_workers_per_gather=0", "jit=off")
)  # fmt: skip


def arguments(statement_timeout: float, connect_timeout: float, *, by_key: bool) -> dict[str, Any]:
    """What `connect` is called with. Times are in seconds.

    `by_key`: no plan reads a whole table where an index serves. A prepared statement keeps the plan that was made while
    its tables were small, and reading a small table is cheapest: of 40,000 deliveries in a minute each batch would
    soon read all that came before, until the server next counts.
    """
    milliseconds = int(statement_timeout * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
    options += " -c enable_bitmapscan=off"  # while statistics are behind it collects and sorts a backlog for each claim
    options += f" {_BY_KEY}" if by_key else ""
    # the same patience of the server with us: what a machine that was cut off has locked is free again in seconds
    options += f" -c tcp_keepalives_idle={SILENCE_SECONDS} -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
    options += f" -c tcp_user_timeout={SILENCE_SECONDS * 1000}"
    return {
        "connect_timeout": max(2, int(connect_timeout)),  # libpq takes less than 2 for 2
        "options": options,
        "application_name": "hookdesk",
        "keepalives_idle": SILENCE_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "tcp_user_timeout": SILENCE_SECONDS * 1000,
        "statement_timeout": statement_timeout,
    }


def ask_idle(engine: Engine) -> None:
    """Before a connection that was idle is given out, see whether it still lives; else another one is opened.

    SQLAlchemy's own `pool_pre_ping` asks each time, which is a round trip for each transaction of a busy process.
    """

    def checked_in(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    def checked_out(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as exc:
            raise DisconnectionError("it died while it was idle") from exc

    event.listen(engine, "checkin", checked_in)
    event.listen(engine, "checkout", checked_out)


@contextmanager
def unhurried(conn: Transaction) -> Iterator[None]:
    """For work that may take its time: no limit on the server's silence meanwhile."""
    raw = conn.connection.dbapi_connection
    if not isinstance(raw, Connection):
        yield
        return
    patience, raw.patience = raw.patience, None
    try:
        yield
    finally:
        raw.patience = patience
