"""Conservation at every moment: whatever is going on, one snapshot of the ledger adds up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from tests.integration.system import System
from tests.integration.test_crash_loses_nothing import SHORT_LEASE, conversation, post_all


class TestLedger:
    def test_it_adds_up_at_every_look_while_webhooks_come_in_and_a_worker_dies(
        self, start: Callable[..., System], database_url: str
    ) -> None:
        system = start("broker", "web", "worker", "scheduler", database_url=database_url, settings=SHORT_LEASE)
        bodies = {str(uuid.uuid4()): conversation(20_000 + n) for n in range(200)}
        twice = [threading.Thread(target=post_all, args=(system, bodies)) for _ in range(2)]
        for sender in twice:
            sender.start()

        system.kill("worker")
        looks = [system.ledger()]
        while any(sender.is_alive() for sender in twice):
            looks.append(system.ledger())
        system.start("worker")
        while not system.at_rest():
            looks.append(system.ledger())
        last = system.ledger()

        assert {look.difference for look in looks} == {0}
        assert len({look.received for look in looks}) > 10
        assert (last.received, last.processed, last.duplicate, last.difference) == (400, 200, 200, 0)
