"""What the door needs from outside, as small protocols, so that a test can put in its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from webhooks.accept import Kept, Told
from webhooks.readiness import Readiness
from worker.clock import Clock
from worker.store.inbox import Receipt
from worker.store.rejects import Reject


class Accepting(Protocol):
    """Makes a receipt durable."""

    def accept(self, receipt: Receipt) -> Kept:
        """Durable when it returns. Raises Overloaded."""

    def submit(self, receipt: Receipt, told: Told) -> None:
        """Returns at once; `told` is called once, by any thread."""


@dataclass(frozen=True, slots=True)
class Deps:
    """`reject` takes a refused request and never blocks; `readiness` answers at once, whatever hangs."""

    acceptor: Accepting
    reject: Callable[[Reject], None]
    readiness: Callable[[], Readiness]
    clock: Clock
