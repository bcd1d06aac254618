"""The roster, leases, circuit breakers and heartbeats."""

from __future__ import annotations

import threading
from datetime import timedelta

from tests.contract.builders import NOON, a_key, a_ticket
from worker.clock import ManualClock
from worker.domain.facts import Person
from worker.domain.routing import Roster, RosterAgent
from worker.store import breakers, heartbeats, leases, load, people
from worker.store.database import Database

ADA, BOB = Person("1", "Ada", "ada@example.com"), Person("2", "Bob\0", None)
SUPPORT, SALES = Person("10", "Support"), Person("11", "Sales")


class TestRoster:
    def test_nobody_yet(self, db: Database) -> None:
        with db.read() as conn:
            assert people.roster(conn, lock=False) == Roster((), (), None)

    def test_load_and_idle_time_are_ours(self, db: Database, clock: ManualClock) -> None:
        people.replace_roster(db, [_agent(ADA, open_tickets=9), _agent(BOB, capacity=3)], [SUPPORT, SALES])
        with db.write() as conn:
            load.note(conn, [(None, a_ticket(a_key(number), assignee=ADA)) for number in (1, 2)])
            people.note_assigned(conn, ["1"], NOON)
            found = people.roster(conn, lock=True)

        assert found.agents == (
            _agent(ADA, open_tickets=2, idle_since=NOON),
            _agent(Person("2", "Bob\ufffd", None), capacity=3),
        )
        assert (found.teams, found.refreshed_at) == ((SUPPORT, SALES), NOON)

    def test_who_stays_keeps_the_last_assignment_and_who_is_gone_is_forgotten(
        self, db: Database, clock: ManualClock
    ) -> None:
        people.replace_roster(db, [_agent(ADA), _agent(BOB)], [SUPPORT, SALES])
        with db.write() as conn:
            people.note_assigned(conn, ["1"], NOON)
        clock.advance(60)
        people.replace_roster(db, [_agent(ADA, availability="offline", team_ids=())], [SALES])

        with db.read() as conn:
            found = people.roster(conn, lock=False)
        gone = NOON + timedelta(seconds=60)
        assert found.agents == (_agent(ADA, availability="offline", team_ids=(), idle_since=NOON, away_since=gone),)
        assert (found.teams, found.refreshed_at) == ((SALES,), NOON + timedelta(seconds=60))

    def test_who_is_away_keeps_the_time_since_when_until_they_are_back(self, db: Database, clock: ManualClock) -> None:
        seen = []
        for availability in ("online", "busy", "offline", "online", "offline"):
            people.replace_roster(db, [_agent(ADA, availability=availability), _agent(BOB)], [])
            with db.read() as conn:
                seen.append(people.away(conn))
            clock.advance(60)

        first, again = NOON + timedelta(seconds=60), NOON + timedelta(seconds=240)
        assert seen == [{}, {"1": first}, {"1": first}, {}, {"1": again}]

    def test_what_the_policy_adds_is_kept(self, db: Database) -> None:
        able = _agent(ADA, skills=("refunds", "german"), senior=True, capacity=4)
        people.replace_roster(db, [able, _agent(BOB)], [])

        with db.read() as conn:
            found = people.roster(conn, lock=False)
        assert found.agents == (able, _agent(Person("2", "Bob\ufffd", None)))

    def test_two_who_assign_see_each_others_assignment(self, db: Database) -> None:
        people.replace_roster(db, [_agent(ADA)], [])
        seen: list[int] = []

        def assign(number: int) -> None:
            with db.write() as conn:
                (agent,) = people.roster(conn, lock=True).agents
                seen.append(agent.open_tickets)
                load.note(conn, [(None, a_ticket(a_key(number), assignee=ADA))])

        threads = [threading.Thread(target=assign, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(seen) == [0, 1, 2, 3, 4, 5]


class TestLeases:
    def test_one_holder_until_it_ends(self, db: Database, clock: ManualClock) -> None:
        minute = timedelta(minutes=1)

        assert leases.acquire(db, "roster", "a", minute)
        assert not leases.acquire(db, "roster", "b", minute)
        assert leases.acquire(db, "reconcile", "b", minute)
        clock.advance(30)
        assert leases.acquire(db, "roster", "a", minute)
        clock.advance(59)
        assert not leases.acquire(db, "roster", "b", minute)
        clock.advance(1)
        assert leases.acquire(db, "roster", "b", minute)

    def test_giving_back_is_for_the_holder(self, db: Database) -> None:
        leases.acquire(db, "roster", "a", timedelta(minutes=1))
        leases.release(db, "roster", "b")
        assert not leases.acquire(db, "roster", "b", timedelta(minutes=1))
        leases.release(db, "roster", "a")
        assert leases.acquire(db, "roster", "b", timedelta(minutes=1))

    def test_a_holder_on_a_host_with_a_long_name(self, db: Database) -> None:
        one, other = (f"scheduler@{'a' * 63}:{pid}" for pid in (1, 2))

        assert leases.acquire(db, "roster", one, timedelta(minutes=1))
        assert leases.acquire(db, "roster", one, timedelta(minutes=1))
        assert not leases.acquire(db, "roster", other, timedelta(minutes=1))
        leases.release(db, "roster", one)
        assert leases.acquire(db, "roster", other, timedelta(minutes=1))

    def test_the_last_success_is_remembered(self, db: Database, clock: ManualClock) -> None:
        assert leases.last_success(db, "roster") is None
        leases.succeeded(db, "roster")
        clock.advance(5)
        leases.succeeded(db, "roster")

        assert leases.last_success(db, "roster") == NOON + timedelta(seconds=5)
        assert leases.acquire(db, "roster", "a", timedelta(minutes=1))

    def test_of_several_at_once_one_gets_it(self, db: Database) -> None:
        won: list[bool] = []
        threads = [
            threading.Thread(target=lambda n=n: won.append(leases.acquire(db, "x", f"h{n}", timedelta(minutes=1))))
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(won) == [False] * 4 + [True]


class TestBreakers:
    def test_an_unknown_one_is_closed(self, db: Database) -> None:
        assert breakers.state(db, "chatwoot") == breakers.Breaker("chatwoot")

    def test_it_opens_at_half_of_ten(self, db: Database) -> None:
        _record(db, [True] * 5 + [False] * 4)
        assert not breakers.state(db, "chatwoot").is_open
        _record(db, [False])

        found = breakers.state(db, "chatwoot")
        assert (found.is_open, found.open_until, found.cause) == (True, NOON + timedelta(seconds=30), "http_500")
        assert not breakers.state(db, "smtp").is_open

    def test_few_failures_among_many_do_not_open_it(self, db: Database) -> None:
        _record(db, [True] * 12 + [False] * 11)

        assert not breakers.state(db, "chatwoot").is_open

    def test_a_minute_later_old_failures_are_forgotten(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 9)
        clock.advance(60)
        _record(db, [False] * 9)

        assert not breakers.state(db, "chatwoot").is_open

    def test_one_probe_and_its_success_closes(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 10)
        clock.advance(30)

        first, second = breakers.state(db, "chatwoot"), breakers.state(db, "chatwoot")
        assert (first.is_open, first.is_probe) == (False, True)
        assert (second.is_open, second.open_until) == (True, NOON + timedelta(seconds=60))
        _record(db, [True])
        closed = breakers.state(db, "chatwoot")
        assert (closed.is_open, closed.opens, closed.failures, closed.cause) == (False, 0, 0, None)

    def test_failing_probes_double_the_pause_up_to_five_minutes(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 10)
        pauses = []
        for _ in range(6):
            found = breakers.state(db, "chatwoot")
            assert found.open_until is not None
            pauses.append((found.open_until - clock.now()).total_seconds())
            clock.advance(pauses[-1])
            assert breakers.state(db, "chatwoot").is_probe
            _record(db, [False])

        assert pauses == [30, 60, 120, 240, 300, 300]

    def test_a_probe_that_never_reports_is_followed_by_another(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 10)
        clock.advance(30)
        assert breakers.state(db, "chatwoot").is_probe
        clock.advance(30)
        assert breakers.state(db, "chatwoot").is_probe

    def test_late_answers_of_earlier_calls_change_nothing(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 10)
        clock.advance(5)
        _record(db, [False, True, False])

        assert breakers.state(db, "chatwoot").open_until == NOON + timedelta(seconds=30)

    def test_looking_takes_no_probe(self, db: Database, clock: ManualClock) -> None:
        _record(db, [False] * 10)
        clock.advance(30)

        assert [one.is_open for one in breakers.peek(db)] == [True]
        assert breakers.state(db, "chatwoot").is_probe


class TestHeartbeats:
    def test_the_newest_of_each_process(self, db: Database, clock: ManualClock) -> None:
        heartbeats.beat(db, "web@a:1", "web", {"spooled": 3})
        clock.advance(5)
        heartbeats.beat(db, "worker@a:2", "worker", {})
        clock.advance(5)
        heartbeats.beat(db, "web@a:1", "web", {"spooled": 0})

        found = [(one.process, one.at - NOON, one.detail) for one in heartbeats.latest(db)]
        assert found == [
            ("web@a:1", timedelta(seconds=10), {"spooled": 0}),
            ("worker@a:2", timedelta(seconds=5), {}),
        ]

    def test_who_ended_long_ago_is_forgotten(self, db: Database, clock: ManualClock) -> None:
        heartbeats.beat(db, "web@a:1", "web", {})
        clock.advance(timedelta(days=1, seconds=1))
        heartbeats.beat(db, "web@a:2", "web", {})

        assert [one.process for one in heartbeats.latest(db)] == ["web@a:2"]


def _agent(person: Person, **changes: object) -> RosterAgent:
    defaults: dict[str, object] = {"role": "agent", "availability": "online", "team_ids": ("10",)}
    return RosterAgent(person, **(defaults | changes))  # type: ignore[arg-type]


def _record(db: Database, outcomes: list[bool]) -> None:
    for ok in outcomes:
        breakers.record(db, "chatwoot", ok, None if ok else "http_500")
