"""What a failed accept means: is the store away, did it ask for another try, or is one record at fault?"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError

from worker.store.database import is_connection_lost


class Trouble(StrEnum):
    """STORE: everybody waits. AGAIN: try the same at once. RECORD: halve the group until the culprit stands alone."""

    STORE = "store"
    AGAIN = "again"
    RECORD = "record"


_AGAIN = frozenset({"40001", "40P01"})
_OF_THE_RECORD = ("22", "23", "54")  # data exception, integrity, program limit: about values, not about the server
_OF_THE_STORE = (
    "08", "25", "3D", "53", "55", "57", "58", "XX",
    "0A", "42",  # the schema is missing, not ours, or changed under a prepared statement
)  # fmt: skip


def of(exc: Exception) -> Trouble:
    """Which it is. What is unknown counts as the record's, so that one odd request cannot stop the others."""
    if not isinstance(exc, DBAPIError):
        return Trouble.STORE if is_connection_lost(exc) else Trouble.RECORD
    sqlstate = str(getattr(exc.orig, "sqlstate", None) or "")
    if sqlstate in _AGAIN:
        return Trouble.AGAIN
    if isinstance(exc, DataError | IntegrityError) or sqlstate.startswith(_OF_THE_RECORD):
        return Trouble.RECORD
    if is_connection_lost(exc) or sqlstate.startswith(_OF_THE_STORE):
        return Trouble.STORE
    if type(exc) is DatabaseError:  # what SQLite says of a file that is damaged or no database
        return Trouble.STORE
    return Trouble.RECORD
