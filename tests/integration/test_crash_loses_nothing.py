"""A kill at every place between two durable steps: nothing accepted is lost, nothing is done twice."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.system import System, eventually, fixture
from worker.store import letters, tickets

POSTED = 12
SHORT_LEASE = {"HOOKDESK_LEASE_SECONDS": "3"}


def conversation(number: int) -> dict[str, Any]:
    """A conversation_created body of its own."""
    body = copy.deepcopy(fixture("01"))
    body["id"] = number
    body["messages"] = []
    return body


def post_all(system: System, bodies: dict[str, dict[str, Any]]) -> set[str]:
    """Post each once; returns the delivery ids that were answered 200."""
    answered = set()
    for delivery_id, body in bodies.items():
        try:
            if system.post(body, delivery_id=delivery_id).status_code == 200:
                answered.add(delivery_id)
        except requests.RequestException:
            continue
    return answered


def assert_each_once(system: System, bodies: dict[str, dict[str, Any]]) -> None:
    """Every posted conversation is one ticket, created once, and the ledger adds up."""
    eventually(system.at_rest, within=60, what="at rest")
    ledger = system.ledger()
    stored = tickets.list_tickets(system.db, limit=10_000)
    assert sorted(int(t.key.external_id.split("/")[1]) for t in stored) == sorted(b["id"] for b in bodies.values())
    assert ledger.processed == len(bodies)
    assert ledger.dead == 0
    assert ledger.difference == 0
    for ticket in stored:
        created = [e for e in tickets.events_of(system.db, ticket.id) if e.name == "ticket.created"]
        assert len(created) == 1


class TestKilledReceiver:
    @pytest.mark.parametrize("place", ["accept.before_commit", "accept.after_commit", "accept.after_wake"])
    def test_what_was_answered_is_kept_and_the_rest_can_be_posted_again(
        self, start: Callable[..., System], database_url: str, place: str
    ) -> None:
        system = start("broker", "worker", "scheduler", database_url=database_url)
        bodies = {str(uuid.uuid4()): conversation(1000 + n) for n in range(POSTED)}
        system.start("web", HOOKDESK_FAILPOINT=f"{place}:3", HOOKDESK_FAILPOINT_ONCE=str(system.root / "once"))

        answered = post_all(system, bodies)
        eventually(lambda: (system.root / "once").exists(), what="the failpoint was reached")
        system.kill("web")
        system.start("web")
        again = {key: body for key, body in bodies.items() if key not in answered}
        assert post_all(system, again) == set(again)

        assert_each_once(system, bodies)


@pytest.mark.every_broker
class TestKilledWorker:
    @pytest.mark.parametrize("place", ["process.after_claim", "process.before_commit", "process.after_commit"])
    def test_its_deliveries_are_processed_once(
        self, start: Callable[..., System], database_url: str, place: str
    ) -> None:
        system = start("broker", "web", "scheduler", database_url=database_url, settings=SHORT_LEASE)
        once = Path(system.root / "once")
        system.start("worker", HOOKDESK_FAILPOINT=place, HOOKDESK_FAILPOINT_ONCE=str(once))
        bodies = {str(uuid.uuid4()): conversation(2000 + n) for n in range(POSTED)}

        assert post_all(system, bodies) == set(bodies)

        eventually(once.exists, what="the failpoint was reached")
        assert_each_once(system, bodies)


@pytest.mark.every_broker
class TestPoison:
    def test_a_delivery_that_kills_its_worker_three_times_alone_is_buried_and_its_company_is_not(
        self, start: Callable[..., System]
    ) -> None:
        system = start("broker", "web", "scheduler", settings=SHORT_LEASE)
        system.start("worker", HOOKDESK_FAILPOINT="process.read", HOOKDESK_FAILPOINT_BODY="kill the worker, please")
        poison = conversation(3666)
        poison["custom_attributes"] = {"wish": "kill the worker, please"}
        bodies = {str(uuid.uuid4()): conversation(3000 + n) for n in range(5)}

        assert system.post(poison).status_code == 200
        assert post_all(system, bodies) == set(bodies)

        eventually(lambda: system.ledger().dead == 1, within=60)
        eventually(system.at_rest, within=60)
        (dead,) = letters.list_deliveries(system.db, state="dead")
        assert dead.cause == "poison"
        assert system.ledger().processed == 5
        assert system.ledger().difference == 0


class TestEverythingKilled:
    def test_a_thousand_webhooks_survive_kill_9_of_all_processes(
        self, start: Callable[..., System], database_url: str
    ) -> None:
        parts = ("broker", "web", "worker", "scheduler")
        system = start(*parts, database_url=database_url, settings=SHORT_LEASE)
        bodies = {str(uuid.uuid4()): conversation(10_000 + n) for n in range(1000)}
        answered: set[str] = set()
        killer = threading.Timer(1.0, system.kill, args=parts)
        killer.start()

        answered |= _post_in_parallel(system, bodies)
        killer.join()
        system.start(*parts)
        again = {key: body for key, body in bodies.items() if key not in answered}
        answered |= _post_in_parallel(system, again)

        assert answered == set(bodies)
        eventually(system.at_rest, within=90, what="at rest")
        ledger = system.ledger()
        assert ledger.processed == 1000
        assert ledger.dead == 0
        assert ledger.difference == 0


def _post_in_parallel(system: System, bodies: dict[str, dict[str, Any]], *, threads: int = 8) -> set[str]:
    items = list(bodies.items())
    answered: set[str] = set()

    def work(share: list[tuple[str, dict[str, Any]]]) -> None:
        answered.update(post_all(system, dict(share)))

    workers = [threading.Thread(target=work, args=(items[n::threads],)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answered
