"""A kill while effects are performed, timers fire or the spool is drained: visible once, fired once, stored once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.system import System, eventually
from tests.integration.test_crash_loses_nothing import SHORT_LEASE, assert_each_once, conversation, post_all
from tests.postgres import PostgresServer
from webhooks import spool
from worker.clients.chatwoot import ChatwootClient
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.firing import fire_due
from worker.performing import perform_due
from worker.policy_file import load_policy
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.processing import drain
from worker.roster import refresh_roster
from worker.store import effects, tickets, timers
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

ROOT = Path(__file__).parents[2]
URGENT = "Our shop is completely down since ten minutes, customers get 503. Urgent!"
EARLIER = timedelta(minutes=31)  # an urgent conversation promises a first response within 30


class Place:
    """A desk beside a practice Chatwoot, both `EARLIER` than now; a turn of its worker, which takes place now, can be
    killed."""

    def __init__(self, folder: Path, url: str, practice: PracticeChatwoot, clock: ManualClock) -> None:
        self.practice, self.url, self.folder = practice, url, folder
        self.settings = Settings(
            data_dir=folder, database_url=url, effects="live", chatwoot_url=practice.url, chatwoot_token=TOKEN
        )
        self.clock = clock
        self.db = Database.open(url, clock=self.clock)
        self.db.migrate()
        self.desk = Desk(settings=self.settings, policy=load_policy(None), db=self.db, wake=RecordingWaker())
        self.client = ChatwootClient(practice.url, 1, TOKEN)
        refresh_roster(self.db, self.client, self.desk.policy)

    def close(self) -> None:
        self.client.close()
        self.db.dispose()

    def hear_of_a_conversation(self) -> int:
        """A conversation of the practice Chatwoot becomes a ticket with effects; returns its number there."""
        body = self.practice.opens_unheard("Omar Haddad", "omar@customer.example", URGENT, "gold")
        key = uuid.uuid4().hex
        accept(self.db, [Receipt(key, "chatwoot", "account", key, key, {}, body, self.clock.now())])
        assert drain(self.desk, seconds=20) == 1
        (stored,) = tickets.list_tickets(self.db)
        return int(stored.key.external_id.split("/")[1])

    def killed_turn(self, what: str, place: str) -> None:
        """A worker's turn in another process that is killed at the failpoint."""
        env = {
            "PATH": os.environ["PATH"],
            "HOOKDESK_DATA_DIR": str(self.folder),
            "HOOKDESK_DATABASE_URL": self.url,
            "HOOKDESK_CHATWOOT_URL": self.practice.url,
            "HOOKDESK_CHATWOOT_TOKEN": TOKEN,
            "HOOKDESK_EFFECTS": "live",
            "HOOKDESK_FAILPOINT": place,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.turn", what], env=env, cwd=ROOT, timeout=60, capture_output=True
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()

    def perform(self) -> int:
        """A turn of another worker, after the scheduler has taken back what ran out."""
        effects.reap(self.db)
        return perform_due(
            self.db,
            lambda: self.client,
            self.desk.policy,
            self.settings,
            clock=self.clock,
            draw=lambda: 0.5,
            seconds=20,
        )


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    clock = ManualClock(datetime.now(UTC) - EARLIER)
    with PracticeChatwoot(clock=clock) as practice:
        made = Place(tmp_path, database_url, practice, clock)
        yield made
        made.close()


class TestKilledPerformer:
    @pytest.mark.parametrize("at", ["perform.after_claim", "perform.after_call", "perform.after_settle"])
    @pytest.mark.parametrize("which", [1, 3])  # the first is an assignment, the third a note: a repeated create
    def test_each_effect_is_visible_once(self, place: Place, at: str, which: int) -> None:
        number = place.hear_of_a_conversation()

        place.killed_turn("perform", f"{at}:{which}")
        place.clock.advance(EARLIER + timedelta(minutes=2))
        place.perform()
        place.clock.advance(timedelta(minutes=2))
        place.perform()

        stored = effects.list_effects(place.db)
        assert {one.state for one in stored} == {"done"}
        conversation_there = place.practice.world.conversation(number)
        assert conversation_there.assignee is not None
        assert len([message for message in conversation_there.messages if message.private]) == 1


class TestKilledWhileFiring:
    @pytest.mark.parametrize("at", ["fire.before_commit", "fire.after_commit"])
    def test_a_breach_is_told_once_and_its_timer_fires_once(self, place: Place, at: str) -> None:
        place.hear_of_a_conversation()
        (stored,) = tickets.list_tickets(place.db)

        place.killed_turn("fire", at)
        place.clock.advance(EARLIER + timedelta(seconds=1))
        fire_due(place.desk, seconds=20)
        fire_due(place.desk, seconds=20)

        told = [event for event in tickets.events_of(place.db, stored.id) if event.name == "sla.breached"]
        assert len(told) == 1
        notes = [one for one in effects.list_effects(place.db) if one.decision.startswith("sla:")]
        assert len(notes) == 1
        promises = [timer for timer in timers.list_timers(place.db) if timer.kind == "sla"]
        first, *others = sorted(promises, key=lambda timer: timer.due_at)
        assert first.state == "fired"
        assert {one.state for one in others} == {"pending"}


@pytest.mark.postgres
class TestKilledWhileSpooling:
    @pytest.mark.parametrize("at", ["spool.after_write:2", "spool.after_sync:2", "spool.after_drain"])
    def test_what_was_answered_is_stored_once(
        self, start: Callable[..., System], own_postgres: PostgresServer, at: str
    ) -> None:
        url = own_postgres.create("hookdesk")
        system = start("broker", "worker", "scheduler", database_url=url, settings=SHORT_LEASE)
        bodies = {str(uuid.uuid4()): conversation(8000 + n) for n in range(10)}
        once = system.root / "once"
        own_postgres.stop()
        system.start("web", HOOKDESK_FAILPOINT=at, HOOKDESK_FAILPOINT_ONCE=str(once))

        answered = post_all(system, bodies)
        if at == "spool.after_drain":
            assert answered == set(bodies)
            assert spool.count(spool.directory_of(system.root / "data")) == len(bodies)
            own_postgres.start()
        eventually(once.exists, what="the failpoint was reached")
        system.kill("web")
        system.start("web")
        if at != "spool.after_drain":
            again = {key: body for key, body in bodies.items() if key not in answered}
            assert post_all(system, again) == set(again)
            own_postgres.start()

        eventually(lambda: system.ledger().received >= len(bodies), within=30, what="drained")
        assert_each_once(system, bodies)
