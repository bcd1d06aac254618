"""Can the door keep what it is given? Judged from what is already known, never by asking now."""

from __future__ import annotations

from dataclasses import dataclass

from webhooks.health import StoreHealth
from webhooks.spool import Spool, total_bytes


@dataclass(frozen=True, slots=True)
class Readiness:
    """`status` is `ready`, `degraded: spooling` or `unready`."""

    is_ready: bool
    status: str
    store: str
    spool_bytes: int


def judge(health: StoreHealth, spool: Spool) -> Readiness:
    """Ready while it can commit or spool."""
    waiting = total_bytes(spool.directory)
    if health.is_up:
        return Readiness(True, "ready", "up", waiting)
    if spool.has_room():
        return Readiness(True, "degraded: spooling", "away", waiting)
    return Readiness(False, "unready: the database is away and the spool takes nothing", "away", waiting)
