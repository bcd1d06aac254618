"""Everything the domain may write into a ticket's log, or ask to be looked at, has words for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from worker.cli import words
from worker.cli.effect_words import KINDS
from worker.cli.event_words import EVENTS, STAGES, numbers, what
from worker.domain.effects import EffectKind
from worker.domain.ticket import Ended

DOMAIN = Path(__file__).parents[3] / "worker" / "domain"
FAMILIES = sorted({name.partition(".")[0] for name in EVENTS})
NO_EVENTS = {"requester.name", "requester.email", "ticket.create", "ticket.close", "ticket.delete"}  # fields and verbs


def constants() -> Iterator[str]:
    """Every text in the domain that looks like the name of an event."""
    pattern = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z_]+")
    for path in sorted(DOMAIN.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.fullmatch(node.value):
                yield node.value


def first_arguments(function: str) -> Iterator[ast.expr]:
    """The first argument of each call of this name in the domain."""
    for path in sorted(DOMAIN.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                yield node.args[0]


class TestEvents:
    def test_every_name_in_the_domain_has_words(self) -> None:
        ended = {f"activity.{state}" for state in ("done", "cancelled")}

        assert (set(constants()) | ended) - NO_EVENTS == set(EVENTS)

    def test_no_event_has_a_name_of_another_family(self) -> None:
        names = {argument.value for argument in first_arguments("Event") if isinstance(argument, ast.Constant)}

        assert names
        assert names <= set(EVENTS)

    def test_an_activity_ends_in_one_of_two_ways(self) -> None:
        made = [argument for argument in first_arguments("Event") if isinstance(argument, ast.JoinedStr)]

        assert [ast.unparse(each) for each in made] == ["f'activity.{one.state}'"]
        assert Ended("low_score", "x", "because").state == "cancelled"

    def test_an_unknown_one_is_still_readable(self) -> None:
        assert what("ticket.merged_again") == "ticket merged again"

    def test_no_two_are_told_alike(self) -> None:
        assert len(set(EVENTS.values())) == len(EVENTS)

    def test_every_stage_is_explained(self) -> None:
        assert {"receipt", "intake", "routing", "sla", "csat", "timer", "effect", "delivery", "policy"} == set(STAGES)


class TestEffects:
    def test_every_kind_has_words(self) -> None:
        assert set(KINDS) == set(EffectKind)


class TestTimers:
    def test_every_kind_in_the_domain_has_words(self) -> None:
        kinds = {argument.value for argument in first_arguments("Timer") if isinstance(argument, ast.Constant)}

        assert kinds | {"reroute"} == set(words.TIMERS)

    def test_each_is_told_without_its_key(self) -> None:
        told = [
            words.timer("sla", "next_response:2"),
            words.timer("warning", "first_response:1:80"),
            words.timer("csat", "resolution:1"),
            words.timer("priority", "waiting for hours"),
            words.timer("reroute", "away"),
            words.timer("escalation", "vip: waits:2"),
            words.timer("closing", "resolution:1:quiet"),
            words.timer("closing", "resolution:1:else"),
        ]

        assert told == [
            "to look whether next response 2 was in time",
            "to warn when 80 % of first response is used up",
            "to ask the customer about resolution 1",
            "to look at the priority again: rule 'waiting for hours'",
            "to look whether the agent is back",
            "to look whether it has to go up: rule 'vip: waits', level 2",
            "to close it, if nothing came from the customer",
            "to look whether it can be closed",
        ]


class TestNumbers:
    def test_each_candidate_is_told_with_what_was_compared(self) -> None:
        data = {
            "agent": {"id": "7", "name": "Maya"},
            "candidates": [
                {"agent": {"id": "7", "name": "Maya"}, "open_tickets": 1, "capacity": 20,
                 "idle_since": "2026-06-18T08:59:00+00:00", "rejected": ""},
                {"agent": {"id": "8", "name": ""}, "open_tickets": 3, "capacity": 3, "rejected": "at capacity"},
            ],
        }  # fmt: skip

        assert list(numbers(data)) == [
            "Maya: 1 of 20 tickets open, last given one at 2026-06-18 08:59; taken",
            "8: 3 of 3 tickets open; not taken: at capacity",
        ]

    def test_of_an_escalation_too(self) -> None:
        maya = {"id": "7", "name": "Maya"}
        data = {"target": {"team": None, "agent": maya}, "candidates": [
            {"agent": maya, "open_tickets": 0, "capacity": 5, "rejected": ""}]}  # fmt: skip

        assert list(numbers(data)) == ["Maya: 0 of 5 tickets open; taken"]

    def test_of_very_many_only_some(self) -> None:
        one = {"agent": {"id": "7", "name": "Maya"}, "open_tickets": 0, "capacity": 5, "rejected": ""}

        assert list(numbers({"candidates": [one] * 25}))[-1] == "and 5 more"

    def test_events_without_candidates_have_none(self) -> None:
        assert list(numbers({"agent": "7"})) == []
