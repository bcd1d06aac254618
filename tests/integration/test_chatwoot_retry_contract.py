"""The retry policy against a Chatwoot that fails in every way it can, for minutes, hours and days of injected time.

Each effect must end as the policy says, and whatever is written must be visible exactly once: a timeout or an error
after the message was stored is the case that shows it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.outgoing import AGENT, BILLING, JONAS, MAYA, NOTE, START, SURVEY, TEAM, Bench, a_bench
from worker.domain.effects import Effect, EffectKind
from worker.domain.retry import CHATWOOT
from worker.practice.faults import Fault
from worker.store import breakers

SCHEDULE = [CHATWOOT.seconds(attempt, draw=0.5) for attempt in range(1, CHATWOOT.tries)]
IN_TURN = ("500", "429", "timeout", "cut", "500_after_store")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        yield made


def posts(bench: Bench) -> int:
    return sum(1 for row in bench.practice.gate.received if row.method == "POST")


class TestInTurn:
    @pytest.mark.parametrize("effect", [NOTE, SURVEY], ids=["note", "survey"])
    def test_one_failure_of_each_kind_and_the_message_is_there_once(self, bench: Bench, effect: Effect) -> None:
        if effect is SURVEY:
            bench.resolve()
        (wanted,) = bench.add(effect)
        bench.practice.set_faults(*(Fault(kind, method="POST") for kind in IN_TURN))

        bench.run(hours=1)

        stored = bench.effect(wanted)
        assert (stored.state, stored.attempts) == ("done", len(IN_TURN) + 1)
        assert bench.practice.messages_marked(f"e{wanted}") == 1
        assert posts(bench) == len(IN_TURN)

    def test_each_wait_is_the_schedules(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(*(Fault(kind, method="POST") for kind in IN_TURN))
        waits, causes = [], []

        while len(causes) < len(IN_TURN):
            bench.perform()
            stored = bench.effect(note)
            if stored.cause != "circuit_open":  # half a minute after the timeout, which uses no try
                waits.append((stored.next_at - bench.clock.now()).total_seconds())
                causes.append(stored.cause)
            bench.clock.advance(stored.next_at - bench.clock.now())

        assert causes == ["server_error", "rate_limited", "timeout", "cut", "server_error"]
        assert waits == [SCHEDULE[0], 60 * 1.1, SCHEDULE[2], SCHEDULE[3], SCHEDULE[4]]

    def test_assignments_too(self, bench: Bench) -> None:
        bench.assign(MAYA, BILLING)
        ids = bench.add(TEAM, AGENT)
        bench.practice.set_faults(*(Fault(kind, path="/assignments") for kind in IN_TURN * 2))

        bench.run(hours=2)

        held = bench.practice.world.conversation(bench.conversation)
        assert [bench.effect(i).state for i in ids] == ["done", "done"]
        assert held.team is not None and held.assignee is not None
        assert (held.team.id, held.assignee.id) == (2, 7)

    @pytest.mark.parametrize("kind", ["500_after_store", "cut_after_store", "timeout_after_store"])
    def test_what_is_stored_but_said_to_have_failed_is_found_again(self, bench: Bench, kind: str) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault(kind, method="POST", times=None))

        bench.run(hours=24)

        assert bench.effect(note).state == "done"
        assert bench.effect(note).result == {"found": f"e{note}"}
        assert posts(bench) == 1

    def test_it_is_not_written_again_while_the_search_fails(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(
            Fault("500_after_store", method="POST"), Fault("500", method="GET", times=4), Fault("cut", method="GET")
        )

        bench.run(hours=24)

        assert bench.effect(note).state == "done"
        assert bench.practice.messages_marked(f"e{note}") == 1
        assert posts(bench) == 1


class TestForLong:
    def test_broken_for_six_hours_it_is_written_once_after(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("500", times=None))
        bench.run(hours=6)
        assert bench.effect(note).state == "retry"

        bench.practice.set_faults()
        bench.run(hours=12)

        assert bench.effect(note).state == "done"
        assert bench.practice.messages_marked(f"e{note}") == 1

    def test_broken_for_ever_it_is_a_dead_letter_after_sixteen_tries_in_a_day(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("500", times=None))

        bench.run(hours=80)

        stored = bench.effect(note)
        assert (stored.state, stored.cause, stored.attempts) == ("dead", "server_error", 16)
        assert stored.done_at is not None
        assert stored.done_at - START == timedelta(seconds=sum(SCHEDULE))
        assert bench.practice.messages_marked(f"e{note}") == 0

    def test_rate_limited_for_ever_with_a_hint_it_never_comes_back_early(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("429", times=None, retry_after=900))

        bench.run(hours=80)

        times = [row.at for row in bench.practice.gate.received]
        assert min(later - earlier for earlier, later in pairwise(times)) >= timedelta(minutes=15)
        assert (bench.effect(note).state, bench.effect(note).cause) == ("dead", "rate_limited")

    def test_a_survey_is_not_sent_a_day_late(self, bench: Bench) -> None:
        bench.resolve()
        (survey,) = bench.add(SURVEY)
        bench.practice.set_faults(Fault("401", times=None))
        bench.run(hours=24.1)

        bench.practice.set_faults()
        bench.perform()

        assert (bench.effect(survey).state, bench.effect(survey).cause) == ("cancelled", "expired")
        assert bench.practice.messages_marked(f"e{survey}") == 0

    def test_a_long_night_without_access_kills_nothing(self, bench: Bench) -> None:
        ids = [bench.add(NOTE, ticket_id=bench.open()[2])[0] for _ in range(3)]
        bench.practice.set_faults(Fault("403", times=None))
        bench.run(hours=9)
        assert [bench.effect(i).attempts for i in ids] == [0, 0, 0]

        bench.practice.set_faults()
        bench.run(hours=1)

        assert [bench.effect(i).state for i in ids] == ["done"] * 3
        assert [bench.practice.messages_marked(f"e{i}") for i in ids] == [1, 1, 1]


class TestRefused:
    @pytest.mark.parametrize("kind", ["400", "410"])
    def test_it_is_buried_at_the_first_try(self, bench: Bench, kind: str) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault(kind, method="POST"))

        bench.run(hours=1)

        assert (bench.effect(note).state, bench.effect(note).attempts) == ("dead", 1)

    def test_the_message_limit_is_not_a_refusal(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("message_limit", method="POST"))

        bench.perform()
        assert bench.effect(note).next_at - START >= timedelta(seconds=60)
        bench.run(hours=1)

        assert bench.effect(note).state == "done"


class TestCrowd:
    def test_an_outage_opens_the_circuit_and_spends_few_tries(self, bench: Bench) -> None:
        ids = [bench.add(NOTE, ticket_id=bench.open()[2])[0] for _ in range(30)]
        bench.practice.set_faults(Fault("500", times=None))

        bench.perform()

        assert len(bench.practice.gate.received) == breakers.FEWEST_CALLS
        assert Counter(bench.effect(i).attempts for i in ids) == {1: 10, 0: 20}
        assert Counter(bench.effect(i).cause for i in ids) == {"server_error": 10, "circuit_open": 20}

    def test_after_an_hour_of_it_everything_is_written_once(self, bench: Bench) -> None:
        bench.draw = random.Random(7).random
        ids = [bench.add(NOTE, ticket_id=bench.open()[2])[0] for _ in range(30)]
        bench.practice.set_faults(Fault("500", times=None))
        bench.run(hours=1)
        assert len(bench.practice.gate.received) < 60

        bench.practice.set_faults()
        bench.run(hours=12)

        assert {bench.effect(i).state for i in ids} == {"done"}
        assert {bench.practice.messages_marked(f"e{i}") for i in ids} == {1}

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_a_storm_of_all_kinds_leaves_each_message_once_and_in_order(self, bench: Bench, seed: int) -> None:
        chance = random.Random(seed)
        bench.draw = chance.random
        opened = [bench.open() for _ in range(4)]
        ids = {
            number: bench.add(*(replace(NOTE, decision=f"note:{n}") for n in range(4)), ticket_id=ticket_id)
            for number, _, ticket_id in opened
        }
        kinds = ("500", "429", "cut", "503", "500_after_store", "cut_after_store", "message_limit")
        bench.practice.set_faults(
            *(Fault(chance.choice(kinds), method=chance.choice([None, "POST"])) for _ in range(25))
        )

        bench.run(hours=70)

        for number, wanted in ids.items():
            written = [m.content_attributes.get("hookdesk") for m in bench.practice.world.conversation(number).messages]
            assert written[1:] == [f"e{i}" for i in wanted]
        assert {bench.effect(i).state for wanted in ids.values() for i in wanted} == {"done"}


class TestSuperseded:
    def test_an_assignment_decided_anew_during_the_outage_replaces_the_old_one(self, bench: Bench) -> None:
        bench.assign(MAYA)
        (old,) = bench.add(AGENT)
        bench.practice.set_faults(Fault("500", times=None))
        bench.perform()
        bench.assign(JONAS)
        (new,) = bench.add(Effect(EffectKind.ASSIGN_AGENT, "routed:2", {"agent_id": "8", "agent": "Jonas Weber"}))

        bench.practice.set_faults()
        bench.run(hours=1)

        held = bench.practice.world.conversation(bench.conversation).assignee
        assert (bench.effect(old).state, bench.effect(old).cause) == ("cancelled", "superseded")
        assert bench.effect(new).state == "done"
        assert held is not None and held.id == 8
