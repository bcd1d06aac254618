"""A database that answers and takes no writes: what a PostgreSQL primary becomes when it is failed over."""

from __future__ import annotations

from sqlalchemy.engine import Connection

TOLD = "it answers and takes no writes: it is a standby, the primary is elsewhere"


def is_standby(conn: Connection) -> bool:
    """True for a PostgreSQL in recovery; SQLite has no such thing."""
    return conn.dialect.name != "sqlite" and bool(conn.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one())
