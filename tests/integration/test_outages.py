"""Broker and database away, hung, flushed or restarted: the answer stays 200 and fast, and work goes on."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable

import psycopg
import pytest

from tests.integration.system import System, eventually
from tests.integration.test_crash_loses_nothing import assert_each_once, conversation, post_all
from tests.postgres import PostgresServer
from worker.practice.faults import Fault
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.store import effects

ALL = ("broker", "web", "worker", "scheduler")


def bodies(first: int, count: int = 10) -> dict[str, dict[str, object]]:
    """Some conversations under delivery ids of their own."""
    return {str(uuid.uuid4()): conversation(first + n) for n in range(count)}


def timed_post(system: System, number: int) -> float:
    """Seconds until the 200."""
    began = time.monotonic()
    assert system.post(conversation(number)).status_code == 200
    return time.monotonic() - began


@pytest.mark.every_broker
class TestBrokerHung:
    def test_answers_stay_fast_and_the_scheduler_stands_in(self, start: Callable[..., System]) -> None:
        system = start(*ALL)
        eventually(lambda: timed_post(system, 1) < 1.0)
        system.signal("broker", signal.SIGSTOP)

        slowest = max(timed_post(system, 100 + n) for n in range(20))

        assert slowest < 1.0
        eventually(lambda: system.ledger().processed >= 20, within=30, what="processed without a broker")
        system.signal("broker", signal.SIGCONT)
        assert timed_post(system, 500) < 1.0
        eventually(system.at_rest, within=60)
        assert system.ledger().difference == 0


class TestBrokerGone:
    @pytest.mark.every_broker
    def test_killed_and_back_it_takes_over_again(self, start: Callable[..., System]) -> None:
        system = start(*ALL)
        system.kill("broker")
        during = bodies(2000)
        assert post_all(system, during) == set(during)
        eventually(lambda: system.ledger().processed == len(during), within=30, what="processed without a broker")

        system.start("broker")
        after = bodies(3000)
        assert post_all(system, after) == set(after)

        assert_each_once(system, {**during, **after})
        assert system.is_alive("worker")
        eventually(lambda: "broker_back" in system.log_of("scheduler"), what="wake-ups go through the broker again")

    def test_a_worker_that_it_takes_along_starts_anew_under_the_same_pid(self, start: Callable[..., System]) -> None:
        system = start(*ALL)
        for round_ in range(3):  # with a message in hand kombu cannot close its channel, and Celery ends
            some = bodies(9000 + 100 * round_, 30)
            assert post_all(system, some) == set(some)
            system.kill("broker")
            system.start("broker")
        eventually(system.at_rest, within=60)

        assert system.is_alive("worker")
        assert system.ledger().processed == 90
        assert system.stop("worker") == 0

    @pytest.mark.every_broker
    def test_emptied_in_the_middle_nothing_is_lost_or_doubled(self, start: Callable[..., System]) -> None:
        system = start(*ALL)
        posted: dict[str, dict[str, object]] = {}
        for round_ in range(5):
            some = bodies(4000 + 100 * round_)
            posted.update(some)
            assert post_all(system, some) == set(some)
            system.broker.empty()

        assert_each_once(system, posted)


@pytest.mark.postgres
class TestDatabaseRestarted:
    def test_requests_go_to_the_spool_and_are_drained_when_it_is_back(
        self, start: Callable[..., System], own_postgres: PostgresServer
    ) -> None:
        system = start(*ALL, database_url=own_postgres.create("hookdesk"))
        before = bodies(5000)
        assert post_all(system, before) == set(before)
        own_postgres.stop()

        slowest = max(timed_post(system, 6000 + n) for n in range(10))

        assert slowest < 1.0
        own_postgres.start()
        during = {str(n): conversation(6000 + n) for n in range(10)}
        eventually(lambda: system.ledger().received == 20, within=30, what="spool drained")
        assert_each_once(system, {**before, **during})


@pytest.mark.postgres
class TestDatabaseFrozen:
    def test_connections_that_fall_silent_are_replaced(
        self, start: Callable[..., System], own_postgres: PostgresServer
    ) -> None:
        url = own_postgres.create("hookdesk")
        one = {"HOOKDESK_WEB_PROCESSES": "1"}  # another process would make a connection of its own, which answers
        system = start("broker", "web", database_url=url, settings=one)
        assert system.post(conversation(8000)).status_code == 200
        system.db.dispose()
        with psycopg.connect(url) as conn:
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'hookdesk'"
            backends = [pid for (pid,) in conn.execute(query)]

        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            slowest = max(timed_post(system, 8001 + n) for n in range(5))
            assert system.ledger().received == 1
            eventually(lambda: system.ledger().received == 6, within=20, what="stored through new connections")
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)

        assert backends
        assert slowest < 1.0


class TestTwoSchedulers:
    def test_a_breach_is_raised_once(self, start: Callable[..., System], database_url: str) -> None:
        from worker.store import tickets

        system = start(*ALL, database_url=database_url)
        system.start("scheduler-2")
        body = conversation(7001)
        body["created_at"] = body["waiting_since"] = int(time.time()) - 100 * 86_400
        body["updated_at"] = float(int(time.time()))

        assert system.post(body).status_code == 200

        (stored,) = eventually(lambda: tickets.list_tickets(system.db))
        eventually(lambda: any(e.name == "sla.breached" for e in tickets.events_of(system.db, stored.id)))
        eventually(system.at_rest)
        breached = [e.data["clock"] for e in tickets.events_of(system.db, stored.id) if e.name == "sla.breached"]
        assert len(breached) == len(set(breached))


class TestChatwootHangs:
    def test_deliveries_are_processed_while_effects_wait_for_it(self, start: Callable[..., System]) -> None:
        with PracticeChatwoot(stall_seconds=60) as practice:
            settings = {
                "HOOKDESK_CHATWOOT_URL": practice.url,
                "HOOKDESK_CHATWOOT_TOKEN": TOKEN,
                "HOOKDESK_EFFECTS": "live",
            }
            system = start(*ALL, settings=settings)
            eventually(lambda: "roster_refreshed" in system.log_of("worker"))
            practice.set_faults(Fault("timeout", times=None))
            first, second = bodies(11_000), bodies(12_000)
            assert post_all(system, first) == set(first)
            eventually(lambda: effects.list_effects(system.db, state="performing"))

            assert post_all(system, second) == set(second)
            eventually(lambda: system.ledger().processed == 20, within=10, what="processed beside a hanging Chatwoot")

            assert effects.list_effects(system.db, state="done") == []
