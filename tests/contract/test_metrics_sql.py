"""What the scheduler shows of the database and the broker, on both databases, and while either is away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from tests.contract.builders import NOON, a_note, a_receipt, accepted, add_effects, ticket_ids
from worker.clock import ManualClock
from worker.config import Settings
from worker.domain.effects import EffectState
from worker.metrics_sql import GAUGES, SqlCollector
from worker.store import claims, heartbeats, inbox, letters, targets
from worker.store.database import Database
from worker.store.schema import breakers, effects, timers

Make = Callable[..., SqlCollector]


class Watch:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def make(db: Database, watch: Watch) -> Iterator[Make]:
    made: list[SqlCollector] = []

    def build(*, database_url: str | None = None, broker_url: str | None = None) -> SqlCollector:
        url = database_url or db._engine.url.render_as_string(hide_password=False)
        settings = Settings(data_dir=Path("unused"), database_url=url, broker_url=broker_url)
        made.append(SqlCollector(settings, monotonic=watch))
        return made[-1]

    yield build
    for collector in made:
        collector.close()


def shown(collector: SqlCollector) -> Callable[..., float | None]:
    """Look up a sample by name and labels, as one scrape sees it."""
    registry = CollectorRegistry()
    registry.register(collector)
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    return lambda name, **labels: samples.get((f"hookdesk_{name}", tuple(sorted(labels.items()))))


class TestEmptyDatabase:
    def test_everything_known_is_zero_and_the_database_is_up(self, make: Make) -> None:
        value = shown(make())

        assert value("database_up") == 1
        assert value("inbox_rows", state="pending") == 0
        assert value("inbox_rows", state="done") == 0
        assert value("inbox_oldest_pending_timestamp_seconds", source="chatwoot") == 0
        assert value("dead_letters", cause="poison") == 0
        assert value("effects", state="approval") == 0
        assert value("ledger_difference") == 0
        assert value("circuit_open", dependency="chatwoot") == 0
        assert value("roster_last_success_timestamp_seconds") == 0

    def test_a_process_that_never_ran_is_not_missed(self, make: Make) -> None:
        assert shown(make())("process_last_heartbeat_timestamp_seconds", kind="worker") is None


class TestInbox:
    def test_it_counts_by_state_and_names_the_oldest(self, make: Make, db: Database) -> None:
        accepted(db, 2, received_at=NOON)
        accepted(db, 1, received_at=NOON + timedelta(minutes=1), source="email")

        value = shown(make())

        assert value("inbox_rows", state="pending") == 3
        assert value("inbox_oldest_pending_timestamp_seconds", source="chatwoot") == NOON.timestamp()
        assert value("last_received_timestamp_seconds", source="email") == NOON.timestamp() + 60

    def test_dead_letters_show_by_cause_and_go_when_discarded(self, make: Make, db: Database) -> None:
        [dead] = accepted(db, 1, dead_cause="stale_timestamp")

        before = shown(make())
        letters.discard(db, [dead.id], actor="test", reason="test")
        after = shown(make())

        assert before("dead_letters", cause="stale_timestamp") == 1
        assert before("inbox_rows", state="dead") == 1
        assert after("dead_letters", cause="stale_timestamp") == 0
        assert after("inbox_rows", state="discarded") == 1

    def test_a_duplicate_is_done(self, make: Make, db: Database) -> None:
        inbox.accept(db, [a_receipt("same"), a_receipt("same")])

        value = shown(make())

        assert value("inbox_rows", state="done") == 1
        assert value("inbox_rows", state="pending") == 1

    def test_claimed_ones_are_processing(self, make: Make, db: Database) -> None:
        accepted(db, 1)
        claims.claim(db)

        assert shown(make())("inbox_rows", state="processing") == 1

    def test_a_row_that_vanished_is_a_difference(self, make: Make, db: Database) -> None:
        accepted(db, 3)
        with db.write() as conn:
            conn.exec_driver_sql("DELETE FROM raw_requests")
            conn.exec_driver_sql("DELETE FROM deliveries WHERE id = 2")

        assert shown(make())("ledger_difference") == 1


class TestTimersAndBreakers:
    def test_overdue_timers_are_told_apart(self, make: Make, db: Database) -> None:
        long_ago, far_away = NOON - timedelta(days=9000), NOON + timedelta(days=9000)
        with db.write() as conn:
            conn.exec_driver_sql(
                "INSERT INTO tickets (id, source, external_id, subject, created_at, updated_at) VALUES "
                "(1, 'chatwoot', '1/1', '', '2026-05-04T12:00:00.000000Z', '2026-05-04T12:00:00.000000Z')"
            )
            row = {"ticket_id": 1, "kind": "sla_breach", "wake_at": NOON}
            conn.execute(
                timers.insert(), [{**row, "key": "a", "due_at": long_ago}, {**row, "key": "b", "due_at": far_away}]
            )

        value = shown(make())

        assert value("sla_timers", kind="sla_breach", state="pending") == 2
        assert value("sla_timers_overdue") == 1

    def test_a_breaker_is_open_until_its_time(self, make: Make, db: Database) -> None:
        with db.write() as conn:
            conn.execute(
                breakers.insert(),
                [
                    {"name": "chatwoot", "open_until": NOON + timedelta(days=9000)},
                    {"name": "other", "open_until": NOON - timedelta(days=9000)},
                ],
            )

        value = shown(make())

        assert value("circuit_open", dependency="chatwoot") == 1
        assert value("circuit_open", dependency="other") == 0

    def test_it_stays_open_between_pause_and_probe_while_something_waits(self, make: Make, db: Database) -> None:
        with db.write() as conn:
            conn.execute(breakers.insert(), [{"name": "chatwoot", "open_until": NOON - timedelta(seconds=1)}])
        idle = shown(make())
        add_effects(db, [(ticket_ids(db)[0], a_note())], state=EffectState.RETRY)

        waiting = shown(make())
        with db.write() as conn:
            conn.execute(effects.update().values(state="done"))
        done = shown(make())

        assert [value("circuit_open", dependency="chatwoot") for value in (idle, waiting, done)] == [0, 1, 0]

    def test_targets_that_are_switched_off_are_counted(self, make: Make, db: Database) -> None:
        targets.succeeded(db, "fine")
        targets.disable(db, "crm", "HTTP 410")
        off = shown(make())("targets_disabled")

        targets.enable(db, "crm", actor="cli:ops")

        assert (off, shown(make())("targets_disabled")) == (1, 0)

    def test_what_waits_for_a_person_and_what_fails_is_shown_with_its_age(self, make: Make, db: Database) -> None:
        [ticket] = ticket_ids(db)
        add_effects(db, [(ticket, a_note("parked"))], state=EffectState.APPROVAL)
        add_effects(db, [(ticket, a_note("failed"))], state=EffectState.RETRY)

        value = shown(make())

        assert value("effects_waiting", why="approval") == 1
        assert value("effects_oldest_waiting_timestamp_seconds", why="approval") == NOON.timestamp()
        assert value("effects_oldest_retry_timestamp_seconds", lane="chatwoot") == NOON.timestamp()
        assert value("open_tickets", standing="fine") == 1

    def test_the_newest_heartbeat_of_a_kind_counts(self, make: Make, db: Database, clock: ManualClock) -> None:
        heartbeats.beat(db, "worker@a:1", "worker", {})
        clock.advance(30)
        heartbeats.beat(db, "worker@b:2", "worker", {})

        value = shown(make())

        assert value("process_last_heartbeat_timestamp_seconds", kind="worker") == NOON.timestamp() + 30


class TestCaching:
    def test_a_second_scrape_within_five_seconds_looks_at_nothing(self, make: Make, db: Database, watch: Watch) -> None:
        collector = make()
        shown(collector)
        accepted(db, 1)

        cached = shown(collector)("inbox_rows", state="pending")
        watch.at += 5
        fresh = shown(collector)("inbox_rows", state="pending")

        assert (cached, fresh) == (0, 1)

    def test_registering_looks_at_nothing(self, make: Make) -> None:
        collector = make(database_url="postgresql://nobody@127.0.0.1:1/none")

        CollectorRegistry().register(collector)

        assert shown(collector)("sql_collector_errors_total", of="database") == 1


class TestAway:
    def test_a_database_that_is_away_is_told_and_the_scrape_goes_on(self, make: Make) -> None:
        value = shown(make(database_url="postgresql://nobody@127.0.0.1:1/none"))

        assert value("database_up") == 0
        assert value("sql_collector_errors_total", of="database") == 1
        assert value("sql_collector_last_success_timestamp_seconds") == 0
        assert value("inbox_rows", state="pending") is None
        assert value("ledger_difference") is None

    def test_a_database_without_tables_is_told_too(self, make: Make, tmp_path: Path) -> None:
        assert shown(make(database_url=f"sqlite:///{tmp_path}/empty.db"))("database_up") == 0

    def test_a_broker_that_is_away_is_told(self, make: Make) -> None:
        with socket.socket() as deaf:  # bound, never listening: refused
            deaf.bind(("127.0.0.1", 0))
            value = shown(make(broker_url=f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"))

        assert value("broker_up") == 0
        assert value("queue_length", queue="deliveries") is None
        assert value("sql_collector_errors_total", of="broker") == 1
        assert value("database_up") == 1

    def test_a_broker_that_hangs_costs_half_a_second(self, make: Make) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            value = shown(make(broker_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))

        assert value("broker_up") == 0

    def test_of_a_broker_that_cannot_be_looked_at_nothing_is_said(self, make: Make) -> None:
        value = shown(make(broker_url="redis+socket:///run/valkey.sock"))

        assert value("broker_up") is None

    def test_a_rabbitmq_that_is_away_is_told(self, make: Make) -> None:
        value = shown(make(broker_url="amqp://127.0.0.1:1//"))

        assert value("broker_up") == 0
        assert value("sql_collector_errors_total", of="broker") == 1


class TestDeclarations:
    def test_every_gauge_has_its_own_name_and_a_sentence(self) -> None:
        assert len({shape.name for shape in GAUGES}) == len(GAUGES)
        assert all(shape.text.endswith(".") for shape in GAUGES)

    def test_only_declared_gauges_are_shown(self, make: Make, db: Database) -> None:
        accepted(db, 1)
        registry = CollectorRegistry()
        registry.register(make())

        declared = {shape.name for shape in GAUGES} | {"hookdesk_sql_collector_errors"}

        assert {family.name for family in registry.collect()} <= declared
