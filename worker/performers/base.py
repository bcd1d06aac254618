"""What performing an effect needs to know of the other side; everything else is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from worker.clients.chatwoot import ChatwootClient
from worker.config import Settings
from worker.domain.policy import Policy
from worker.domain.retry import Schedule
from worker.store.database import Database
from worker.store.effects import ClaimedEffect
from worker.store.ticket_rows import StoredTicket

ClientFactory = Callable[[], ChatwootClient | None]


@dataclass(frozen=True, slots=True)
class Outside:
    """What a performer may be made of. `chatwoot` gives the process's client, or None when none is configured."""

    db: Database
    settings: Settings
    policy: Policy
    chatwoot: ClientFactory


class Performer(Protocol):
    """One other side. Times, breakers, retries and settling are `worker.performing`'s."""

    schedule: Schedule
    """After which failures to try again, and when."""

    def dependency(self, claimed: ClaimedEffect) -> str:
        """The name of its circuit breaker, at most 40 characters: chatwoot, smtp, notice, event:<target>."""

    def named(self, claimed: ClaimedEffect) -> str:
        """The other side in words for people: Chatwoot, the mail server, the target crm."""

    def has_target(self, claimed: ClaimedEffect, ticket: StoredTicket) -> bool:
        """Whether there is somewhere to perform it; without one it waits as `no_target`."""

    def perform(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any]:
        """Do it, visibly at most once where the other side allows a check; returns what to keep of the answer.

        Raises `worker.errors`.
        """

    def look_for(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any] | None:
        """What an earlier try of unknown outcome left there; None when there is nothing, or no way to see it.

        Asked before such an effect is cancelled. Raises `worker.errors`.
        """

    def check_access(self, claimed: ClaimedEffect) -> None:
        """After an AccessError: the call that `doctor` makes. Raises when there is no access at all."""
