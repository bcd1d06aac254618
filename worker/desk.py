"""What every working process holds: settings, policy, database and a way to wake the others. Built once per process."""

from __future__ import annotations

from dataclasses import dataclass

from worker.clock import Clock
from worker.config import Settings
from worker.domain.policy import Policy
from worker.policy_file import load_policy
from worker.store.database import Database
from worker.wake import Publisher, Wake, Waker


@dataclass(frozen=True, slots=True)
class Desk:
    """The collaborators of processing, firing and performing. `wake` follows commits; nothing depends on it."""

    settings: Settings
    policy: Policy
    db: Database
    wake: Wake

    def close(self) -> None:
        """Give everything back; safe to call once at the end of a process."""
        if isinstance(self.wake, Waker):
            self.wake.close()
        self.db.dispose()


def open_desk(settings: Settings, *, origin: str, clock: Clock | None = None) -> Desk:
    """A desk on the real database and broker; opens no connection yet, so both may be away."""
    return Desk(
        settings=settings,
        policy=load_policy(settings.config),
        db=Database.open(settings.database_url, clock=clock, by_key=True),
        wake=Waker(Publisher(settings.broker_url, origin=origin)),
    )
