"""Another side that hangs costs the worker its time, and so everybody else: once is enough to leave it alone."""

from __future__ import annotations

from worker.errors import WorkError
from worker.store.breaker_trip import trip
from worker.store.database import Database

SLOW = "timeout"


def leave_alone_if_slow(db: Database, dependency: str, error: WorkError) -> None:
    """After a timeout open the circuit at once: at a quarter of a minute each, ten of them would never come together
    within the minute that a circuit looks at, and the effects for others would wait behind every one."""
    if error.cause == SLOW:
        trip(db, dependency, f"{error.cause}: {error}")
