"""A conversation and a desk, people at work on both, and slow wires between them: at rest they agree.

    BOTH_SIDES=20000 .venv/bin/python -m pytest tests/unit/domain/test_both_sides.py

looks at so many stories; without the variable at a few.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.builders import BILLING, KEY, MAYA, OLEG, SUPPORT, T0, a_message, a_roster, an_agent
from tests.unit.domain.test_echo import POLICY
from tests.unit.domain.test_echo_loop import Chat, superseded
from worker.domain.acting import legal_verbs
from worker.domain.decide import decide
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Act, Author, Fact, Person, Verb
from worker.domain.outcome import is_wanted
from worker.domain.ticket import Status, Ticket
from worker.domain.view import Given

EXAMPLES = int(os.environ.get("BOTH_SIDES", "150"))
SETTLED_WITHIN = 60  # deliveries and calls
AGENTS, TEAMS = st.sampled_from([MAYA, OLEG]), st.sampled_from([BILLING, SUPPORT])
SAID = st.fixed_dictionaries(
    {"text": st.just("done")},
    optional={"priority": st.sampled_from(["low", "high", "urgent"]), "agent": AGENTS, "team": TEAMS},
)


class BothSides(RuleBasedStateMachine):
    """Every step takes its time, so that no two have the same."""

    def __init__(self) -> None:
        super().__init__()
        self.chat, self.now = Chat(), T0
        self.facts: list[Fact] = []
        self.ticket: Ticket | None = None
        self.asked: set[tuple[EffectKind, str]] = set()
        self.done: dict[tuple[EffectKind, str], datetime] = {}
        self.waiting: list[Effect] = []
        self.under_way: Effect | None = None
        self.on_the_wire: list[Fact] = []
        self.away: dict[str | None, datetime] = {}

    @initialize(text=st.sampled_from(["refund my invoice", "where is it"]))
    def begins(self, text: str) -> None:
        self.writes(text)

    @rule(text=st.sampled_from(["refund", "I want a human", "hello?"]))
    def writes(self, text: str) -> None:
        self._pass()
        if self.chat.status in ("resolved", "snoozed"):
            self.chat.status = "open"
        self.on_the_wire.append(a_message(0, id=f"at {self.now.time()}", at=self.now, text=text))
        self._show()

    @rule(who=st.one_of(st.none(), AGENTS))
    def is_assigned_by_hand(self, who: Person | None) -> None:
        self._change(assignee=who)

    @rule(team=TEAMS)
    def gets_a_team_by_hand(self, team: Person) -> None:
        self._pass()
        if team != self.chat.team:
            self.chat.set_team(team)
            self._show()

    @rule(priority=st.sampled_from([None, "low", "high", "urgent"]))
    def gets_a_priority_by_hand(self, priority: str | None) -> None:
        self._change(priority=priority)

    @rule(status=st.sampled_from(["open", "resolved", "snoozed"]))
    def gets_a_status_by_hand(self, status: str) -> None:
        self._change(status=status)

    @rule()
    def is_answered_by_hand(self) -> None:
        self._pass()
        self.chat.first_reply_at = self.chat.first_reply_at or self.now
        self.on_the_wire.append(self.chat.message(self.now, Author.AGENT))
        self._show()

    @precondition(lambda self: self.ticket is not None)
    @rule(data=st.data(), said=SAID)
    def is_acted_upon_here(self, data: st.DataObject, said: dict[str, Any]) -> None:
        self._pass()
        assert self.ticket is not None
        has_target = "agent" in said or "team" in said
        never = {Verb.CLOSE} if has_target else {Verb.CLOSE, Verb.ASSIGN}
        if verbs := [verb for verb in legal_verbs(self.ticket.status) if verb not in never]:
            verb = data.draw(st.sampled_from(verbs))
            self._decide(Act(f"{len(self.facts)}", self.now, verb, "ana@desk.example", **said))

    @rule(minutes=st.sampled_from([1, 15, 130, 600]))
    def time_passes(self, minutes: int) -> None:
        self._finish()  # a call takes no more than seconds
        self._pass(60 * minutes)
        self._decide()

    @rule(who=AGENTS)
    def an_agent_comes_or_goes(self, who: Person) -> None:
        self._pass()
        if self.away.pop(who.id, None) is None:
            self.away[who.id] = self.now
        self._decide()

    @precondition(lambda self: self.on_the_wire)
    @rule(data=st.data(), again=st.booleans())
    def something_arrives(self, data: st.DataObject, again: bool) -> None:
        some = data.draw(st.lists(st.sampled_from(self.on_the_wire), min_size=1, max_size=3, unique_by=id))
        if not again:
            self.on_the_wire = [fact for fact in self.on_the_wire if not any(fact is one for one in some)]
        self._decide(*some)

    @precondition(lambda self: self.waiting and self.under_way is None)
    @rule()
    def a_call_begins(self) -> None:
        effect = self.waiting.pop(0)
        assert self.ticket is not None
        if is_wanted(effect.kind, effect.decision, effect.payload, self.ticket) is None:
            self.under_way = effect

    @precondition(lambda self: self.under_way is not None)
    @rule(dies=st.booleans())
    def a_call_ends(self, dies: bool) -> None:
        effect = self.under_way
        self._finish()
        if dies and effect is not None:  # nobody knows that it was done: it is tried again
            del self.done[effect.kind, effect.decision]
            self.waiting.insert(0, effect)
            self._pass(5)

    def teardown(self) -> None:
        for _ in range(SETTLED_WITHIN):
            self._finish()
            if self.on_the_wire:
                some, self.on_the_wire = self.on_the_wire, []
                self._decide(*some)
            elif self.waiting:
                self.a_call_begins()
            else:
                break
        assert not self.waiting and not self.on_the_wire
        if self.ticket is not None and self.ticket.status is not Status.CLOSED:
            self._agree(self.ticket, self.chat)

    def _agree(self, ticket: Ticket, chat: Chat) -> None:
        assert (ticket.status is Status.RESOLVED) == (chat.status == "resolved")
        assert _id(ticket.assignee) == _id(chat.assignee)
        assert _id(ticket.team) == _id(chat.team)
        assert chat.priority in (None, ticket.priority)

    def _pass(self, seconds: float = 0.1) -> None:
        self.now += timedelta(seconds=seconds)

    def _change(self, **register: Any) -> None:
        self._pass()
        if any(getattr(self.chat, name) != value for name, value in register.items()):
            for name, value in register.items():
                setattr(self.chat, name, value)
            self._show()

    def _show(self) -> None:
        self.on_the_wire.append(self.chat.snapshot(self.now))

    def _decide(self, *facts: Fact) -> None:
        self._pass(0.001)
        known = {fact.key for fact in self.facts}
        self.facts += [fact for fact in facts if fact.key not in known]
        if not self.facts:
            return
        decision = decide(self.ticket, KEY, self.facts, policy=POLICY, known=self._known(), now=self.now)
        self.facts += decision.facts
        self.ticket = decision.ticket
        new = {(one.kind, one.decision): one for one in decision.effects if one.lane == "chatwoot"}
        self.waiting = superseded(self.waiting, [one for key, one in new.items() if key not in self.asked])
        self.asked |= new.keys()
        note(f"{self.now.time()}: {self.ticket.status}, {self.ticket.assignee}, {[one.kind for one in self.waiting]}")

    def _known(self) -> Given:
        agents = [
            an_agent(who, senior=who is MAYA, availability="offline" if who.id in self.away else "online",
                     away_since=self.away.get(who.id))
            for who in (MAYA, OLEG)
        ]  # fmt: skip
        return Given(a_roster(*agents, teams=(BILLING, SUPPORT), refreshed_at=self.now), done=self.done)

    def _finish(self) -> None:
        if self.under_way is None:
            return
        self._pass()
        effect, self.under_way = self.under_way, None
        was = self.chat.registers
        told = self.chat.perform(effect, self.now)
        if self.chat.registers != was:  # else the source has nothing to tell
            self.on_the_wire += told
        self.done[effect.kind, effect.decision] = self.now


def _id(person: Person | None) -> str | None:
    return person.id if person is not None else None


def test_at_rest_they_agree() -> None:
    run_state_machine_as_test(
        BothSides, settings=settings(max_examples=EXAMPLES, stateful_step_count=16, deadline=None)
    )
