"""The scheduler's loop on a real store, with the broker's answers and the clocks in the test's hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.domain.effects import EffectState
from worker.policy_file import load_policy
from worker.processing import drain
from worker.scheduler import STAND_IN_AFTER_SECONDS, Scheduler
from worker.store import claims, effects, timers
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.store.ledger import ledger
from worker.store.load import open_load
from worker.store.schema import agent_load
from worker.wake import Kind, Publisher, RecordingWaker

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
(CONVERSATION,) = (Path(__file__).parents[1] / "fixtures" / "chatwoot").glob("01*.json")
BODY = b'{"event":"conversation_typing_on"}'


class Broker(Publisher):
    """Takes wake-ups, or refuses them when told to."""

    def __init__(self, monotonic: ManualMonotonic) -> None:
        super().__init__("memory://", origin="test", monotonic=monotonic)
        self.is_up = True
        self.taken: list[tuple[Kind, tuple[int, ...]]] = []

    def _send(self, _app: object, kind: Kind, ids: Sequence[int], _probe: bool) -> str | None:
        if not self.is_up:
            return None
        self.taken.append((kind, tuple(ids)))
        return "ok"


class ManualMonotonic:
    """Seconds that pass only by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Bench:
    """A scheduler and everything a test moves."""

    def __init__(self, root: Path) -> None:
        self.clock, self.monotonic = ManualClock(START), ManualMonotonic()
        settings = Settings(data_dir=root, chatwoot_url="http://chatwoot.example", chatwoot_token="token")
        self.db = Database.open(settings.database_url, clock=self.clock)
        self.db.migrate()
        self.desk = Desk(settings=settings, policy=load_policy(None), db=self.db, wake=RecordingWaker())
        self.broker = Broker(self.monotonic)
        self.scheduler = Scheduler(self.desk, self.broker, monotonic=self.monotonic, wall=self.clock.now)

    def accept(self) -> int:
        """One delivery that will be ignored."""
        return self._accept(BODY)

    def open_conversation(self) -> None:
        """One that becomes a ticket with timers and effects."""
        at = self.clock.now().timestamp()
        body = json.loads(CONVERSATION.read_bytes()) | {"created_at": at, "waiting_since": at, "updated_at": at}
        self._accept(json.dumps(body).encode())
        assert drain(self.desk, seconds=5) == 1

    def _accept(self, body: bytes) -> int:
        key = uuid.uuid4().hex
        receipt = Receipt(key, "chatwoot", "account", key, key, {}, body, self.clock.now())
        (accepted,) = accept(self.db, [receipt])
        return accepted.id

    def wait(self, seconds: float) -> None:
        """Time passes, evenly on both clocks; then a tick."""
        self.clock.advance(seconds)
        self.monotonic.at += seconds
        self.scheduler.tick()

    def load(self) -> dict[str, int]:
        """Open tickets by agent."""
        with self.db.read() as conn:
            return open_load(conn)

    def woken(self, kind: Kind) -> list[tuple[int, ...]]:
        """Wake-ups of one kind that named something."""
        return [ids for one, ids in self.broker.taken if one == kind and ids]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.dispose()


class TestWaking:
    def test_a_delivery_nobody_took_is_woken_after_its_grace_and_then_ever_less_often(self, bench: Bench) -> None:
        delivery = bench.accept()

        bench.wait(0.5)
        assert bench.woken("deliveries") == []
        bench.wait(1)
        assert bench.woken("deliveries") == [(delivery,)]
        bench.wait(4)
        assert len(bench.woken("deliveries")) == 1
        bench.wait(2)
        assert len(bench.woken("deliveries")) == 2
        bench.wait(6)
        assert len(bench.woken("deliveries")) == 2

    def test_the_roster_is_asked_for_once_a_minute_by_one_of_two_schedulers(self, bench: Bench) -> None:
        bench.wait(1)
        bench.wait(30)
        bench.wait(31)

        asked = [kind for kind, _ in bench.broker.taken if kind == "roster"]
        assert len(asked) == 2


class TestLateTimers:
    def test_they_fire_within_a_second_although_no_worker_takes_the_wake_up(self, bench: Bench) -> None:
        bench.open_conversation()
        first = timers.next_due(bench.db)
        assert first is not None

        bench.wait((first - bench.clock.now()).total_seconds())
        assert timers.next_due(bench.db) == first
        assert len(bench.woken("timers")) == 1
        bench.wait(0.75)

        fired = timers.list_timers(bench.db, state="fired")
        assert [(timer.due_at, timer.fired_at) for timer in fired] == [(first, bench.clock.now())]

    def test_also_when_the_broker_has_just_gone_away_and_its_grace_has_begun(self, bench: Bench) -> None:
        bench.open_conversation()
        first = timers.next_due(bench.db)
        assert first is not None
        bench.wait((first - bench.clock.now()).total_seconds() - 2)
        bench.broker.is_up = False
        bench.accept()
        bench.wait(2)
        assert bench.broker.refused_since is not None
        assert timers.list_timers(bench.db, state="fired") == []

        bench.wait(0.75)

        (fired,) = timers.list_timers(bench.db, state="fired")
        assert (fired.due_at, fired.fired_at) == (first, bench.clock.now())


class TestLeftDeliveries:
    def test_they_are_processed_although_the_broker_takes_every_wake_up(self, bench: Bench) -> None:
        bench.accept()
        bench.wait(10)
        assert (ledger(bench.db).pending, len(bench.woken("deliveries"))) == (1, 1)

        bench.wait(5)

        assert (ledger(bench.db).pending, ledger(bench.db).ignored) == (0, 1)


class TestStandIn:
    def test_it_processes_itself_only_after_the_broker_has_refused_for_a_while(self, bench: Bench) -> None:
        bench.broker.is_up = False
        bench.accept()
        bench.wait(2)
        assert ledger(bench.db).pending == 1

        bench.wait(STAND_IN_AFTER_SECONDS + 1)

        assert ledger(bench.db).pending == 0
        assert ledger(bench.db).ignored == 1

    def test_it_hands_over_again_as_soon_as_a_probe_is_taken(self, bench: Bench) -> None:
        bench.broker.is_up = False
        bench.accept()
        bench.wait(2)
        bench.wait(10)
        bench.broker.is_up = True

        bench.wait(1)
        delivery = bench.accept()
        bench.wait(2)

        assert bench.woken("deliveries")[-1] == (delivery,)
        assert ledger(bench.db).pending == 1


class TestLoad:
    def test_a_sum_that_is_wrong_is_right_again_within_half_a_minute(self, bench: Bench) -> None:
        bench.wait(0)
        with bench.db.write() as conn:
            conn.execute(agent_load.insert(), {"agent_id": "7", "n": 3})  # of a worker that knows nothing of it, say

        bench.wait(29)
        assert bench.load() == {"7": 3}
        bench.wait(1)
        assert bench.load() == {}


class TestClockJump:
    def test_after_a_step_of_the_wall_clock_no_lease_is_taken_back_for_one_lease(self, bench: Bench) -> None:
        bench.accept()
        bench.wait(1)
        assert claims.claim(bench.db, lease=timedelta(seconds=30))

        bench.clock.advance(3600)
        bench.scheduler.tick()
        bench.wait(2)
        assert bench.scheduler.clock_jumps == 1
        assert ledger(bench.db).processing == 1
        drain(bench.desk, seconds=1)
        assert ledger(bench.db).processing == 1
        bench.wait(70)

        assert ledger(bench.db).processing == 0

    def test_nor_is_an_effect_that_is_being_performed_claimed_again(self, bench: Bench) -> None:
        bench.open_conversation()
        claimed = effects.claim_one(bench.db, lease=timedelta(seconds=60))
        assert claimed is not None

        bench.clock.advance(3600)
        assert effects.claim_one(bench.db) is None
        bench.scheduler.tick()

        effects.settle(bench.db, claimed, state=EffectState.DONE)

    def test_time_that_passes_evenly_is_no_jump(self, bench: Bench) -> None:
        for _ in range(5):
            bench.wait(10)

        assert bench.scheduler.clock_jumps == 0
