"""What a failed accept means: is the store away, did it ask for another try, or is one record at fault?"""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError

from worker.errors import DependencyDown
from worker.store.database import is_connection_lost


class Trouble(StrEnum):
    """STORE: everybody waits. AGAIN: try the same at once. RECORD: halve the group until the culprit stands alone."""

    STORE = "store"
    AGAIN = "again"
    RECORD = "record"


_AGAIN = frozenset({"40001", "40P01"})
_TOO_SLOW = "57014"  # cancelled by its time limit
_TAKEN = "23505"  # every key that a record may share is met by DO NOTHING: this is a sequence that lies behind
_SQLITE_TAKEN = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})
_OF_THE_RECORD = ("22", "23", "54")  # data exception, integrity, program limit: about values, not about the server
_OF_THE_STORE = (
    "08", "25", "3D", "53", "55", "57", "58", "XX",
    "0A", "42",  # the schema is missing, not ours, or changed under a prepared statement
)  # fmt: skip


def of(exc: Exception) -> Trouble:
    """Which it is. What is unknown counts as the record's, so that one odd request cannot stop the others."""
    if not isinstance(exc, DBAPIError):
        return Trouble.STORE if isinstance(exc, DependencyDown) or is_connection_lost(exc) else Trouble.RECORD
    sqlstate = _sqlstate(exc)
    if sqlstate in _AGAIN:
        return Trouble.AGAIN
    if sqlstate == _TAKEN or getattr(exc.orig, "sqlite_errorcode", None) in _SQLITE_TAKEN:
        return Trouble.STORE
    if isinstance(exc, DataError | IntegrityError) or sqlstate.startswith(_OF_THE_RECORD):
        return Trouble.RECORD
    if is_connection_lost(exc) or sqlstate.startswith(_OF_THE_STORE):
        return Trouble.STORE
    if type(exc) is DatabaseError:  # what SQLite says of a file that is damaged or no database
        return Trouble.STORE
    return Trouble.RECORD


def is_too_slow(exc: Exception) -> bool:
    """Whether the store is there, and gave this up because it took too long."""
    return isinstance(exc, DBAPIError) and _sqlstate(exc) == _TOO_SLOW


def _sqlstate(exc: DBAPIError) -> str:
    return str(getattr(exc.orig, "sqlstate", None) or "")
