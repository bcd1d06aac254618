"""Whose fault a failed accept is."""

from __future__ import annotations

import sqlite3

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


class Coded(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


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
            (InterfaceError("x", None, sqlite3.InterfaceError("bad parameter")), Trouble.RECORD),
            (ValueError("unknown"), Trouble.RECORD),
        ],
    )
    def test_it_knows(self, exc: Exception, kind: Trouble) -> None:
        assert trouble.of(exc) is kind
