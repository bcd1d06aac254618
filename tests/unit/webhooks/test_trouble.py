"""Whose fault a failed accept is."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from webhooks import trouble
from webhooks.trouble import Trouble
from worker.errors import DependencyDown


class Coded(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


def taken_on_sqlite() -> sqlite3.IntegrityError:
    with closing(sqlite3.connect(":memory:")) as conn, pytest.raises(sqlite3.IntegrityError) as caught:
        conn.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (1)")
    return caught.value


class TestOf:
    @pytest.mark.parametrize(
        ("exc", "kind"),
        [
            (OperationalError("x", None, Coded("40P01")), Trouble.AGAIN),
            (OperationalError("x", None, Coded("40001")), Trouble.AGAIN),
            (OperationalError("x", None, Coded("08006")), Trouble.STORE),
            (OperationalError("x", None, Coded("57P01")), Trouble.STORE),
            (OperationalError("x", None, Coded("53100")), Trouble.STORE),  # disk full
            (OperationalError("x", None, Coded(None)), Trouble.STORE),
            (ProgrammingError("x", None, Coded("42P01")), Trouble.STORE),  # not migrated: nobody's body is to blame
            (OperationalError("x", None, Coded("54000")), Trouble.RECORD),  # an index row too large
            (DataError("x", None, Coded("22021")), Trouble.RECORD),
            (IntegrityError("x", None, Coded("23514")), Trouble.RECORD),
            (OperationalError("x", None, sqlite3.OperationalError("no such table: deliveries")), Trouble.STORE),
            (OperationalError("x", None, sqlite3.OperationalError("database or disk is full")), Trouble.STORE),
            (DatabaseError("x", None, sqlite3.DatabaseError("database disk image is malformed")), Trouble.STORE),
            (NotSupportedError("x", None, Coded("0A000")), Trouble.STORE),  # cached plan must not change result type
            (OperationalError("x", None, Coded("57014")), Trouble.STORE),  # too slow: the spool is faster
            (IntegrityError("x", None, sqlite3.IntegrityError("NOT NULL")), Trouble.RECORD),
            (IntegrityError("x", None, Coded("23505")), Trouble.STORE),  # a sequence that lies behind its table
            (IntegrityError("x", None, taken_on_sqlite()), Trouble.STORE),
            (DependencyDown("neither stored nor known"), Trouble.STORE),
            (InterfaceError("x", None, sqlite3.InterfaceError("bad parameter")), Trouble.RECORD),
            (ValueError("unknown"), Trouble.RECORD),
        ],
    )
    def test_it_knows(self, exc: Exception, kind: Trouble) -> None:
        assert trouble.of(exc) is kind
