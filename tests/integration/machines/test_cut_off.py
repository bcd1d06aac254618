"""One machine after the other loses database and broker for a while: the rest goes on, and nothing is lost or doubled.

    PARTITION_SECONDS=60 .venv/bin/python -m pytest tests/integration/machines -s

is the form of a minute each; without the variable it is a little longer than the (shortened) lease.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import select

from tests.integration.machines.fleet import Fleet, Traffic
from tests.integration.machines.network import Machine
from tests.integration.system import eventually
from worker.store import tickets
from worker.store.schema import heartbeats

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(900)]
SECONDS = float(os.environ.get("PARTITION_SECONDS", "12"))
LEASE_SECONDS = "30" if SECONDS >= 60 else "6"


def beats_since(fleet: Fleet, kind: str, since: datetime) -> int:
    """How many processes of a kind have been heard of since."""
    with fleet.db.read() as conn:
        query = select(heartbeats.c.process).where(heartbeats.c.kind == kind, heartbeats.c.at > since)
        return len(conn.execute(query).all())


def while_cut_off(fleet: Fleet, traffic: Traffic, name: str) -> None:
    """Cut one off, watch the others work, let it back in."""
    processed, sent = fleet.ledger().processed, len(traffic.conversations)
    fleet.cut_off(name)
    try:
        time.sleep(SECONDS)  # the length of the outage is the subject
        done, arrived = fleet.ledger().processed - processed, len(traffic.conversations) - sent
        spooled = fleet.spooled(name)
    finally:
        fleet.heal(name)
    print(f"{name} cut off for {SECONDS:g} s: {arrived} conversations came, {done} were processed, {spooled} spooled")
    assert arrived > SECONDS * 5
    if name.startswith("web"):
        assert spooled > 0
        assert done > arrived / 4  # what came in at the other receiver
    else:
        assert done > arrived / 2


class TestCutOff:
    @pytest.mark.every_broker
    def test_the_rest_goes_on_and_nothing_is_lost_or_doubled(self, fleet_of: Callable[..., Fleet]) -> None:
        fleet = fleet_of(HOOKDESK_LEASE_SECONDS=LEASE_SECONDS)
        traffic = Traffic(fleet)
        for name in ("worker-1", "scheduler-1", "web-1"):
            while_cut_off(fleet, traffic, name)
            healed, answered = datetime.now(UTC), traffic.of(name)
            if name == "web-1":
                eventually(lambda: fleet.spooled("web-1") == 0, within=30, what="its spool is drained")
                eventually(lambda before=answered: traffic.of("web-1") > before, what="it answers")
            else:
                role, count = name.partition("-")[0], 3 if name.startswith("worker") else 2
                eventually(
                    lambda role=role, count=count, healed=healed: beats_since(fleet, role, healed) == count,
                    within=30, what=f"{name} is heard of again",
                )  # fmt: skip
        traffic.stop()

        eventually(fleet.at_rest, within=120, what="at rest")
        book = fleet.ledger()
        print(f"{book}; slowest answer {traffic.slowest:.2f} s")
        distinct = len({delivery_id for _, delivery_id, _ in traffic.answered})
        assert traffic.unanswered == []
        assert (book.received, book.dead, book.difference) == (len(traffic.answered), 0, 0)
        assert (book.processed, book.duplicate) == (distinct, len(traffic.answered) - distinct)
        stored = tickets.list_tickets(fleet.db, limit=100_000)
        assert sorted(int(t.key.external_id.split("/")[1]) for t in stored) == sorted(traffic.conversations)
        for ticket in stored:
            created = [event for event in tickets.events_of(fleet.db, ticket.id) if event.name == "ticket.created"]
            assert len(created) == 1
        assert all(fleet.is_alive(name) for name in fleet.machines)


HOLDS_A_LOCK = """
import os, time
from sqlalchemy import text
from worker.store.database import Database

db = Database.open(os.environ["HOOKDESK_DATABASE_URL"])
with db.write() as conn:
    conn.execute(text("SELECT pg_advisory_xact_lock(77)"))
    print("held", flush=True)
    time.sleep(600)
"""


class TestVanished:
    def test_what_it_had_locked_is_free_again_within_seconds(self, machines: list[Machine], database: str) -> None:
        machine, port = machines[0], urlsplit(database).port or 0
        command = [*machine.prefix, sys.executable, "-c", HOLDS_A_LOCK]
        env = {**os.environ, "HOOKDESK_DATABASE_URL": database}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as holder:
            try:
                assert holder.stdout is not None
                assert holder.stdout.readline() == b"held\n"
                machine.cut_off(port)

                with psycopg.connect(database) as conn:
                    conn.execute("SET lock_timeout = '30s'")  # idle transactions end after 60
                    conn.execute("SELECT pg_advisory_xact_lock(77)")
            finally:
                holder.kill()
