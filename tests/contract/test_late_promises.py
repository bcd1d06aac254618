"""After an outage: what is heard of an hour late is told in few words, and each breach is still in its ticket's log."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.builders import a_policy, an_sla
from tests.contract.builders import NOON, a_key, accepted
from tests.contract.life import Life, a_request, a_state, an_answer
from worker.clock import ManualClock
from worker.domain.effects import EffectKind
from worker.domain.facts import Parsed, Person
from worker.domain.policy import NoticePolicy, Policy
from worker.firing import fire_due
from worker.settling import settle
from worker.store import claims, effects, tickets, timers
from worker.store.database import Database

BILLING, SUPPORT = Person("2", "billing"), Person("3", "support")
LEADS = (("billing", "money@desk.example"), ("", "all@desk.example"))


def a_desk(db: Database, clock: ManualClock, folder: Path, policy: Policy, number: int) -> Life:
    """So many tickets of two teams, each with a first response due within the hour."""
    life = Life.begun(db, clock, policy, folder)
    accepted(db, number)
    claimed = claims.claim(db, limit=number, lease=timedelta(minutes=1))
    told = [
        Parsed("message_created", a_key(n), (a_request(0, id=f"m{n}"), a_state(0, team=SUPPORT if n % 2 else BILLING)))
        for n in range(number)
    ]
    with db.write() as conn:
        settle(conn, life.desk, list(zip(claimed, told, strict=True)))
    return life


class TestOutage:
    policy = a_policy(sla=(an_sla(resolution=None),), notices=NoticePolicy(leads=LEADS))

    def test_two_hundred_breaches_an_hour_late_are_no_storm_of_notes(
        self, db: Database, clock: ManualClock, tmp_path: Path
    ) -> None:
        life = a_desk(db, clock, tmp_path, self.policy, 200)
        known = {row.id for row in effects.list_effects(db, limit=10_000)}
        life.move_to(NOON + timedelta(hours=2))

        fire_due(life.desk, seconds=60)

        late = [row for row in effects.list_effects(db, limit=10_000) if row.id not in known]
        assert len(late) == 200
        assert {row.kind.value for row in late} == {"operator_notice"}
        assert Counter((row.payload["late"], row.payload["team"], *row.payload["to"]) for row in late) == {
            (True, "billing", "money@desk.example"): 100,
            (True, "support", "all@desk.example"): 100,
        }
        assert timers.next_due(db) is None

    def test_each_breach_is_in_its_tickets_log_at_its_due_time(
        self, db: Database, clock: ManualClock, tmp_path: Path
    ) -> None:
        life = a_desk(db, clock, tmp_path, self.policy, 3)
        life.move_to(NOON + timedelta(hours=2))

        fire_due(life.desk, seconds=60)

        for stored in tickets.list_tickets(db):
            [event] = [one for one in tickets.events_of(db, stored.id) if one.name == "sla.breached"]
            assert (event.at, event.recorded_at) == (NOON + timedelta(hours=1), NOON + timedelta(hours=2))

    def test_a_breach_in_time_is_a_note_of_its_own(self, db: Database, clock: ManualClock, tmp_path: Path) -> None:
        life = a_desk(db, clock, tmp_path, self.policy, 2)

        life.wait_until(NOON + timedelta(hours=1))

        for stored in tickets.list_tickets(db):
            told = life.asked_for(stored.id)
            assert told["private_note", "sla:first_response:1:2026-05-04T13:00:00+00:00"] == 1
            assert told["private_note", "warned:first_response:1:80"] == 1


class TestTold:
    def test_a_note_that_was_written_is_taken_back_by_one_that_says_so(
        self, db: Database, clock: ManualClock, tmp_path: Path
    ) -> None:
        life = a_desk(db, clock, tmp_path, TestOutage.policy, 1)
        life.wait_until(NOON + timedelta(minutes=61))
        life.perform(EffectKind.PRIVATE_NOTE)

        life.hear(an_answer(59), key=a_key(0), now=62)

        assert life.asked_for()["private_note", "withdrawn:first_response:1:2026-05-04T13:00:00+00:00"] == 1
        [event] = life.events("sla.breach_withdrawn")
        assert (event.data["was_breached_at"], event.data["met_at"]) == (
            "2026-05-04T13:00:00+00:00",
            "2026-05-04T12:59:00+00:00",
        )
