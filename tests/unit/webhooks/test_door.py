"""The whole door as a process opens it: every thread running, nothing lost between opening and closing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.webhooks.senders import NOW, send_from, sender_of
from tests.unit.webhooks.spooling import keep
from tests.unit.webhooks.world import a_receipt, wait_until
from webhooks.door import Door, open_door
from webhooks.sources.registry import SOURCES
from webhooks.spool import Spool, count, directory_of
from worker.clock import ManualClock
from worker.config import Settings
from worker.store import heartbeats, rejects
from worker.store.database import Database
from worker.store.ledger import ledger


class Woken:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.is_closed = False

    def wake(self, ids: list[int]) -> None:
        assert not self.is_closed
        self.ids += ids

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def door(settings: Settings, db: Database, woken: Woken) -> Iterator[Door]:
    left = Spool(directory_of(settings.data_dir), max_bytes=1 << 20)
    left.open()
    keep(left, a_receipt(7))
    left.close()
    opened = open_door(settings, wake=woken.wake, clock=ManualClock(NOW), close_wake=woken.close)
    yield opened
    if not woken.is_closed:
        opened.close()


class TestOpenDoor:
    def test_what_a_dead_process_left_is_drained_at_once(self, door: Door, db: Database, woken: Woken) -> None:
        wait_until(lambda: ledger(db).received == 1)

        wait_until(lambda: count(directory_of(door.settings.data_dir)) == 0)
        wait_until(lambda: woken.ids == [1])

    def test_it_accepts_refuses_and_says_that_it_lives(self, door: Door, db: Database) -> None:
        source = SOURCES[0]
        good, bad = send_from(source), send_from(source, secret=sender_of(source).other_secret)
        client = door.app.test_client(use_cookies=False)

        assert client.post(good.path, data=good.body, headers=dict(good.headers)).status_code == 200
        assert client.post(bad.path, data=bad.body, headers=dict(bad.headers)).status_code == 401

        wait_until(lambda: [beat.kind for beat in heartbeats.latest(db)] == ["web"])
        door.close()
        assert len(rejects.latest(db)) == 1

    def test_closing_ends_every_thread_of_it(self, door: Door, woken: Woken) -> None:
        import threading

        names = {"committer", "spool", "rejects", "drainer"}
        assert names <= {thread.name for thread in threading.enumerate()}

        door.close()

        assert woken.is_closed
        assert not names & {thread.name for thread in threading.enumerate()}
