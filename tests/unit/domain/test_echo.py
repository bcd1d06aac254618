"""Our own echo: what the source shows because we wrote it leads to nothing, and is put down to nobody."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import (
    BILLING,
    KEY,
    MAYA,
    OLEG,
    SUPPORT,
    T0,
    a_message,
    a_policy,
    a_reply,
    a_roster,
    a_snapshot,
    an_agent,
    at,
)
from worker.domain.acting import legal_verbs
from worker.domain.decide import decide
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Act, Author, Escalated, Fact, Message, Person, Routed, Snapshot, Verb
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted
from worker.domain.policy import EscalationRule
from worker.domain.ticket import Ticket
from worker.domain.view import Given

POLICY = a_policy(
    escalation=(EscalationRule("human", "the customer asks for a human", words=("human",), priority="high"),)
)
ROSTER = a_roster(an_agent(MAYA, senior=True), an_agent(OLEG))
MEMBERS = {"2": {"7"}, "3": {"7", "8"}}
PEOPLE = {person.id: person for person in (MAYA, OLEG, BILLING, SUPPORT)}


def folded(*facts: Fact) -> Ticket:
    return fold(KEY, facts, POLICY, as_of=at(100))


def an_act(minute: float, verb: Verb = Verb.TRIAGE, **said: Any) -> Act:
    return Act(f"{verb}@{minute:g}", at(minute), verb, "ana@desk.example", **said)


class TestPriority:
    SET = (a_snapshot(0), an_act(10, priority="high"), a_snapshot(11, priority="high"))

    def why(self, *facts: Fact) -> tuple[str, str]:
        ticket = folded(a_message(0), *facts)
        return ticket.priority, ticket.score_reasons[0]

    def test_what_we_wrote_is_ours(self) -> None:
        assert self.why(*self.SET) == ("high", "priority high was set by ana@desk.example")

    def test_another_value_is_somebody_elses(self) -> None:
        assert self.why(*self.SET, a_snapshot(12, priority="low")) == ("low", "priority low was set in the source")

    def test_so_is_the_same_value_before_we_decided(self) -> None:
        before = (a_snapshot(0), a_snapshot(5, priority="high"))

        assert self.why(*before) == ("high", "priority high was set in the source")

    def test_what_an_escalation_raised_is_ours(self) -> None:
        raised = Escalated("human", 1, at(10), "the customer asks for a human", priority="high")

        echoed = self.why(a_snapshot(0), raised, a_snapshot(11, priority="high"))
        higher = self.why(a_snapshot(0), raised, a_snapshot(11, priority="high"), a_snapshot(12, priority="urgent"))

        assert echoed == ("high", "priority high was raised by the escalation 'human'")
        assert higher == ("urgent", "priority urgent was set in the source")

    def test_what_somebody_had_set_lower_before_stays_known(self) -> None:
        raised = Escalated("human", 1, at(10), "the customer asks for a human", priority="high")
        facts = (a_snapshot(5, priority="low"), raised, a_snapshot(11, priority="high"))

        assert self.why(*facts)[0] == "high"


class TestAssignee:
    ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")
    HAD = (a_snapshot(0), a_message(0), a_snapshot(1, assignee=OLEG))

    def by(self, *facts: Fact) -> tuple[str | None, str]:
        ticket = folded(*self.HAD, *facts)
        return ticket.assignee.id if ticket.assignee else None, ticket.assignee_by

    def test_an_agent_that_our_team_drops_was_not_taken_off_by_hand(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)
        dropped = (a_snapshot(11, team=BILLING), a_snapshot(12, team=BILLING))

        assert self.by(moved, *dropped) == ("7", "operator")
        assert self.by(moved, *dropped, a_snapshot(13, team=BILLING, assignee=MAYA)) == ("7", "operator")

    def test_one_that_another_team_drops_was(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)

        assert self.by(moved, a_snapshot(11, team=SUPPORT)) == (None, "source")

    def test_so_was_one_that_goes_later(self) -> None:
        moved = an_act(10, Verb.ASSIGN, team=BILLING, agent=MAYA)
        echo = (a_snapshot(11, team=BILLING), a_snapshot(12, team=BILLING, assignee=MAYA))

        assert self.by(moved, *echo, a_snapshot(13, team=BILLING)) == (None, "source")

    def test_somebody_chosen_by_hand_with_our_team_stays(self) -> None:
        facts = (a_snapshot(0), a_message(0), self.ROUTED, a_snapshot(3, team=BILLING, assignee=OLEG))

        ticket = folded(*facts)

        assert ticket.assignee is not None
        assert (ticket.assignee.id, ticket.assignee_by) == ("8", "source")


@dataclass
class Chat:
    """A conversation as the source keeps it, and what it tells of each change: the echo."""

    status: str = "open"
    priority: str | None = None
    labels: tuple[str, ...] = ()
    team: Person | None = None
    assignee: Person | None = None
    first_reply_at: datetime | None = None
    messages: int = 0

    def perform(self, effect: Effect, now: datetime) -> list[Fact]:
        """Do it, and tell."""
        said = effect.payload
        match effect.kind:
            case EffectKind.ASSIGN_TEAM:
                self.team = PEOPLE[said["team_id"]]
                if self.assignee is not None and self.assignee.id not in MEMBERS[said["team_id"]]:
                    self.assignee = None
            case EffectKind.ASSIGN_AGENT:
                self.assignee = PEOPLE[said["agent_id"]]
            case EffectKind.SET_STATUS:
                self.status = said["status"]
            case EffectKind.SET_PRIORITY:
                self.priority = said["priority"]
            case EffectKind.ADD_LABELS:
                self.labels = tuple(dict.fromkeys((*self.labels, *said["labels"])))
            case EffectKind.PRIVATE_NOTE:
                return [self.message(now, Author.OWN, private=True), self.snapshot(now)]
            case EffectKind.REPLY:
                self.first_reply_at = self.first_reply_at or now
                return [self.message(now, Author.AGENT), self.snapshot(now)]
        return [self.snapshot(now)]

    def message(self, now: datetime, author: Author, *, private: bool = False) -> Message:
        self.messages += 1
        return replace(a_reply(0), id=f"own{self.messages}", at=now, author=author, private=private)

    def snapshot(self, now: datetime) -> Snapshot:
        return replace(
            a_snapshot(0, self.status), at=now, priority=self.priority, labels=self.labels, team=self.team,
            assignee=self.assignee, first_reply_at=self.first_reply_at,
        )  # fmt: skip


@dataclass
class Loop:
    """A desk and a conversation that answer each other."""

    chat: Chat = field(default_factory=Chat)
    facts: list[Fact] = field(default_factory=list)
    ticket: Ticket | None = None
    known: set[tuple[str, str]] = field(default_factory=set)
    now: datetime = T0

    def hear(self, *facts: Fact) -> list[Effect]:
        """Decide with these facts; returns what is newly wanted of the source."""
        self.now += timedelta(seconds=1)
        self.facts += facts
        decision = decide(self.ticket, KEY, self.facts, policy=POLICY, known=Given(ROSTER), now=self.now)
        self.facts += decision.facts
        self.ticket = decision.ticket
        new = [effect for effect in decision.effects if (effect.kind, effect.decision) not in self.known]
        self.known |= {(effect.kind, effect.decision) for effect in new}
        return [effect for effect in new if effect.lane == "chatwoot"]

    def perform(self, effects: list[Effect]) -> list[Fact]:
        """Have it done, as far as it is still wanted."""
        told: list[Fact] = []
        for effect in effects:
            self.now += timedelta(seconds=1)
            assert self.ticket is not None
            if is_wanted(effect.kind, effect.decision, effect.payload, self.ticket) is None:
                told += self.chat.perform(effect, self.now)
        return told

    def act(self, verb: Verb, **said: Any) -> list[Effect]:
        assert self.ticket is not None
        if verb not in legal_verbs(self.ticket.status):
            return []
        return self.hear(Act(f"{len(self.facts)}", self.now, verb, "ana@desk.example", **said))

    def writes(self, text: str) -> list[Effect]:
        if self.chat.status in ("resolved", "snoozed"):
            self.chat.status = "open"
        message = a_message(0, id=f"c{len(self.facts)}", at=self.now, text=text)
        return self.hear(message, self.chat.snapshot(self.now))


STEPS = st.one_of(
    st.tuples(st.just("writes"), st.sampled_from(["refund", "I want a human", "thanks"])),
    st.tuples(
        st.sampled_from([Verb.TRIAGE, Verb.ASSIGN, Verb.ESCALATE, Verb.REPLY, Verb.RESOLVE, Verb.REOPEN]),
        st.fixed_dictionaries(
            {"text": st.just("done")},
            optional={
                "priority": st.sampled_from(["low", "high", "urgent"]),
                "tags": st.sampled_from([("vip",), ("billing", "vip")]),
                "agent": st.sampled_from([MAYA, OLEG]),
                "team": st.sampled_from([BILLING, SUPPORT]),
            },
        ),
    ),
)


class TestEcho:
    @settings(max_examples=150)
    @given(steps=st.lists(STEPS, max_size=5), shuffle=st.randoms(use_true_random=False), twice=st.booleans())
    def test_hearing_all_of_it_wants_nothing_new_and_credits_nobody(
        self, steps: list[tuple[Any, Any]], shuffle: Any, twice: bool
    ) -> None:
        loop = Loop()
        for kind, said in [("writes", "refund my invoice"), *steps]:
            wanted = loop.writes(said) if kind == "writes" else loop.act(kind, **said)
            echo = loop.perform(wanted)
            shuffle.shuffle(echo)
            for fact in [*echo, *(echo if twice else ())]:
                assert loop.hear(fact) == []

        assert loop.ticket is not None
        assert loop.ticket.assignee_by != "source"
        assert not any("set in the source" in reason for reason in loop.ticket.score_reasons)

    @pytest.mark.parametrize("priority", ["low", "high"])
    def test_it_does_perform_what_it_echoes(self, priority: str) -> None:
        loop = Loop()
        loop.perform(loop.writes("refund my invoice"))

        loop.perform(loop.act(Verb.ASSIGN, agent=OLEG, team=SUPPORT, priority=priority, tags=("vip",)))

        held = loop.chat
        assert held.team is not None and held.assignee is not None
        assert (held.team.id, held.assignee.id, held.priority, held.labels) == ("3", "8", priority, ("vip",))
