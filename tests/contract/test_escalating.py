"""Escalations in a real store: once per reason, whatever comes twice, in whatever order, across restarts."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.life import Life, a_request, a_state, an_answer, at
from worker.clock import ManualClock
from worker.domain.facts import Fact, Person
from worker.domain.policy import AgentRule, Policy
from worker.domain.routing import RosterAgent
from worker.policy_file import load_policy
from worker.store import people
from worker.store.database import Database

OLEG = Person("8", "Oleg", "oleg@desk.example")
POLICY: Policy = replace(load_policy(None), agents=(AgentRule("oleg@desk.example", senior=True),))
ASKED = a_request(1, "I want a refund, and let me talk to a human")


@pytest.fixture
def life(db: Database, clock: ManualClock, tmp_path: Path) -> Life:
    maya = RosterAgent(Person("7", "Maya"), availability="online", team_ids=("2", "3"))
    oleg = RosterAgent(OLEG, availability="online", team_ids=("2", "3"))
    people.replace_roster(db, [maya, oleg], [Person("2", "billing"), Person("3", "support")])
    return Life.begun(db, clock, POLICY, tmp_path)


class TestOnce:
    def test_each_reason_once_however_often_it_is_heard(self, life: Life) -> None:
        life.hear(a_state(0), ASKED, now=1)
        for n in range(3):
            life.restarted().hear(ASKED, a_request(2 + n, "a refund! a human please!"), a_state(2 + n), now=2 + n)

        said = [one.data["rule"] for one in life.events("ticket.escalated")]
        assert said == ["asks for a human", "billing or refund", "three messages"]
        assert max(life.asked_for().values()) == 1
        assert life.json()["escalation"] == {
            "level": 1,
            "reason": "three or more customer messages without resolution",
        }

    @pytest.mark.parametrize("seed", range(5))
    def test_in_any_order_of_arrival(self, life: Life, seed: int) -> None:
        facts: list[Fact] = [
            a_state(0),
            ASKED,
            a_request(2),
            a_request(3, "a refund"),
            a_state(4, labels=("x",)),
            ASKED,
        ]
        random.Random(seed).shuffle(facts)

        for fact in facts:
            life.restarted().hear(fact, now=5)

        said = sorted(one.data["rule"] for one in life.events("ticket.escalated"))
        assert said == ["asks for a human", "billing or refund", "three messages"]
        assert life.ticket().priority == "high"

    def test_the_senior_has_it_and_routing_leaves_it_there(self, life: Life) -> None:
        life.hear(a_state(0), ASKED, now=1)
        life.hear(a_request(2, "hello?"), now=2)

        assert (life.ticket().assignee, life.ticket().assignee_by) == (OLEG, "escalation")
        assert ("assign_agent", "escalated:asks for a human:1") in life.asked_for()


class TestLevels:
    def test_they_go_up_by_waiting_and_stop_with_an_answer(self, life: Life) -> None:
        life.hear(a_state(0), a_request(1, "let me talk to a human"), now=1)
        life.wait_until(at(60.9))
        assert [one.data["level"] for one in life.events("ticket.escalated")] == [1]

        life.wait_until(at(61))
        levels = {(one.data["rule"], one.data["level"]) for one in life.events("ticket.escalated")}
        assert ("asks for a human", 2) in levels
        assert life.json()["escalation"]["level"] == 2  # type: ignore[index]

    def test_an_answer_in_time(self, life: Life) -> None:
        life.hear(a_state(0), a_request(1, "let me talk to a human"), now=1)
        life.hear(an_answer(30), now=30)

        life.wait_until(at(120))

        assert [one.data["level"] for one in life.events("ticket.escalated")] == [1]
