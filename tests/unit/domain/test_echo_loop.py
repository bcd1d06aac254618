"""A desk and a conversation that answer each other: hearing what we wrote wants nothing new and credits nobody."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
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
    a_reply,
    a_roster,
    a_snapshot,
    an_agent,
)
from tests.unit.domain.test_echo import POLICY
from worker.domain.acting import legal_verbs
from worker.domain.decide import decide
from worker.domain.effects import SUPERSEDES, Effect, EffectKind
from worker.domain.facts import Act, Author, Fact, Message, Person, Snapshot, Verb
from worker.domain.outcome import is_wanted
from worker.domain.ticket import Status, Ticket
from worker.domain.view import Given

ROSTER = a_roster(an_agent(MAYA, senior=True), an_agent(OLEG))
MEMBERS = {"2": {"7"}, "3": {"7", "8"}}
PEOPLE = {person.id: person for person in (MAYA, OLEG, BILLING, SUPPORT)}


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

    @property
    def registers(self) -> tuple[object, ...]:
        """All that may change."""
        return astuple(self)

    def set_team(self, team: Person) -> None:
        """An agent who is no member of a new one is taken off."""
        if team != self.team and self.assignee is not None and self.assignee.id not in MEMBERS[str(team.id)]:
            self.assignee = None
        self.team = team

    def perform(self, effect: Effect, now: datetime) -> list[Fact]:
        """Do it, and tell."""
        said = effect.payload
        match effect.kind:
            case EffectKind.ASSIGN_TEAM:
                before, self.team = self.team, PEOPLE[said["team_id"]]
                if (
                    self.team != before
                    and self.assignee is not None
                    and self.assignee.id not in MEMBERS[said["team_id"]]
                ):
                    self.assignee = None
            case EffectKind.ASSIGN_AGENT:
                self.assignee = PEOPLE.get(said["agent_id"])
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
            if self.wants(effect):
                told += self.chat.perform(effect, self.now)
        return told

    def wants(self, *effects: Effect) -> bool:
        """Whether all of them are still wanted."""
        assert self.ticket is not None
        return all(is_wanted(one.kind, one.decision, one.payload, self.ticket) is None for one in effects)

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


def superseded(waiting: list[Effect], new: list[Effect]) -> list[Effect]:
    """What is left to do once these are wanted, too."""
    kinds = {effect.kind for effect in new} & SUPERSEDES
    return [effect for effect in waiting if effect.kind not in kinds] + new


ACTS = st.tuples(
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
)
STEPS = st.one_of(st.tuples(st.just("writes"), st.sampled_from(["refund", "I want a human", "thanks"])), ACTS)


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

    @settings(max_examples=300)
    @given(steps=st.lists(st.tuples(ACTS, st.integers(0, 6)), min_size=1, max_size=6))
    def test_nor_does_what_was_under_way_when_we_decided_anew(
        self, steps: list[tuple[tuple[Verb, dict[str, Any]], int]]
    ) -> None:
        loop = Loop()
        loop.perform(loop.writes("refund my invoice"))
        waiting: list[Effect] = []
        for (verb, said), performed in steps:
            for fact in loop.perform(waiting[:performed]):
                loop.hear(fact)
            waiting = waiting[performed:]
            under_way = waiting[:1] if loop.wants(*waiting[:1]) else []
            new = loop.act(verb, **said)
            loop.now += timedelta(seconds=1)
            for fact in [told for effect in under_way for told in loop.chat.perform(effect, loop.now)]:
                loop.hear(fact)
            waiting = superseded(waiting[len(under_way) :], new)
        for fact in loop.perform(waiting):
            loop.hear(fact)

        ticket, chat = loop.ticket, loop.chat
        assert ticket is not None
        assert ticket.assignee_by != "source"
        assert not any("set in the source" in reason for reason in ticket.score_reasons)
        assert (ticket.status is Status.RESOLVED) == (chat.status == "resolved")
        if any(act.priority for act in loop.facts if isinstance(act, Act)):
            assert chat.priority == ticket.priority
        if ticket.assignee is not None:
            assert chat.assignee == ticket.assignee

    @pytest.mark.parametrize("priority", ["low", "high"])
    def test_it_does_perform_what_it_echoes(self, priority: str) -> None:
        loop = Loop()
        loop.perform(loop.writes("refund my invoice"))

        loop.perform(loop.act(Verb.ASSIGN, agent=OLEG, team=SUPPORT, priority=priority, tags=("vip",)))

        held = loop.chat
        assert held.team is not None and held.assignee is not None
        assert (held.team.id, held.assignee.id, held.priority, held.labels) == ("3", "8", priority, ("vip",))
