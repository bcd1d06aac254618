"""Tickets over days, with everything that may happen to them: what holds after every step, and at the end.

    LONG_STORIES=5000 .venv/bin/python -m pytest tests/unit/domain/test_long_stories.py

looks at so many stories; without the variable at a few.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.builders import KEY
from tests.unit.domain.living import DONE, PENDING, Desk, Source
from worker.domain import closing
from worker.domain.acting import legal_verbs
from worker.domain.confirming import is_confirmation
from worker.domain.effects import EffectKind
from worker.domain.facts import Act, Answer, Asked, Author, Closed, Fact, Message, Verb
from worker.domain.fold import fold
from worker.domain.policy import AgentRule, EscalationLevel, EscalationRule, RoutingRule
from worker.domain.ticket import Decision, Status
from worker.domain.view import just_after
from worker.policy_file import load_policy

EXAMPLES = int(os.environ.get("LONG_STORIES", "80"))
TURNS = 40  # of hearing and performing, until nothing moves any more
BUILT_IN = load_policy(None)
RATED = EscalationRule(
    "bad rating", "bad rating", max_rating=2, priority="high",
    levels=(EscalationLevel(), EscalationLevel(timedelta(hours=4))),
)  # fmt: skip
POLICY = replace(
    BUILT_IN,
    escalation=(*BUILT_IN.escalation, RATED),
    agents=(AgentRule("8", senior=True),),
    routing=(RoutingRule("money", team="billing", categories=("billing",)), RoutingRule("all", team="support")),
)
WORDS = st.sampled_from(["hello?", "refund", "production is down, urgent", "Thanks, it works", "a human please"])
MINUTES = st.sampled_from([1, 6, 11, 40, 70, 300, 1500, 4 * 1440, 5 * 1440])
SELDOM = st.sampled_from([False, False, False, True])


class LongStory(RuleBasedStateMachine):
    """The source tells late, in any order and twice; timers fire at their time; effects are performed when they are."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source()
        self.desk = Desk(POLICY, self.source)
        self.asked: set[datetime] = set()  # when what was asked about was resolved

    @initialize(text=WORDS, ahead=st.sampled_from([0, 0, 15]))
    def begins(self, text: str, ahead: int) -> None:
        self.source.ahead = timedelta(seconds=ahead)
        self.writes(text, auto=False)

    @rule(text=WORDS, auto=SELDOM)
    def writes(self, text: str, auto: bool) -> None:
        self.desk.tick()
        self.source.say(self.desk.now, text, Author.CUSTOMER, auto_reply=auto)

    @rule(private=SELDOM)
    def an_agent_writes(self, private: bool) -> None:
        self.desk.tick()
        text = "resolution: replaced" if private else "Sent anew."
        self.source.say(self.desk.now, text, Author.AGENT, private=private)

    @rule(status=st.sampled_from(["open", "resolved", "resolved", "snoozed", "pending"]))
    def turns(self, status: str) -> None:
        self.desk.tick()
        self.source.show(self.desk.now, status=status)

    @precondition(lambda self: self.asked)
    @rule(rating=st.integers(1, 5))
    def answers_the_survey(self, rating: int) -> None:
        self.desk.tick()
        ticket = self.desk.ticket
        assert ticket is not None
        run = next(run for run in reversed(ticket.resolutions))
        self.source.wire.append(Answer(run.key, self.desk.now, rating, "so", "hookdesk"))

    @precondition(lambda self: self.desk.ticket is not None)
    @rule(data=st.data(), said=st.fixed_dictionaries({"text": st.sampled_from(["done", ""])}), automatic=SELDOM)
    def is_acted_upon(self, data: st.DataObject, said: dict[str, Any], automatic: bool) -> None:
        self.desk.tick(30)
        ticket, now = self.desk.ticket, self.desk.now
        assert ticket is not None
        verbs = [verb for verb in legal_verbs(ticket.status) if verb is not Verb.ASSIGN]
        if not verbs:
            return
        verb = data.draw(st.sampled_from(verbs))
        at = just_after(ticket.updated_at, now)
        act = Act(f"a{len(self.desk.facts)}", at, verb, "ana", automatic=automatic and verb is Verb.CLOSE, **said)
        wished = fold(KEY, [*self.desk.facts, act], POLICY, as_of=at)
        if verb is not Verb.CLOSE or act.automatic or not closing.missing(wished, POLICY):
            self._hear(act)

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: int) -> None:
        until = self.desk.now + timedelta(minutes=minutes)
        for _ in range(300):
            if not (due := self.desk.due(until)):
                break
            self._check(self.desk.fire(due))
        assert not self.desk.due(until), "a timer that comes again and again"
        self.desk.now = max(self.desk.now, until)

    @precondition(lambda self: self.source.wire)
    @rule(data=st.data(), again=st.booleans())
    def something_arrives(self, data: st.DataObject, again: bool) -> None:
        some = data.draw(st.lists(st.sampled_from(self.source.wire), min_size=1, max_size=4, unique_by=id))
        if not again:
            self.source.wire = [fact for fact in self.source.wire if not any(fact is one for one in some)]
        self._hear(*some)

    @precondition(lambda self: self.desk.ticket is not None)
    @rule()
    def effects_are_performed(self) -> None:
        self.desk.perform()

    def teardown(self) -> None:
        self._settle()
        for _ in range(10):
            self.time_passes(240)
            self._settle()
        ticket, desk = self.desk.ticket, self.desk
        if ticket is None:
            return
        broken = {f"{clock.key}:{clock.breached_at.isoformat()}" for clock in ticket.clocks if clock.breached_at}
        told = {key for name, key in desk.events if name == "sla.breached"}
        taken_back = {key for name, key in desk.events if name == "sla.breach_withdrawn"}
        assert broken <= told <= broken | taken_back
        run = ticket.resolutions[-1] if ticket.resolutions else None
        if run is not None and run.reopened_at is None:
            assert dict(ticket.asked).get(run.ordinal) is not None, "whether to ask was never decided"
            assert any(name == "ticket.resolved" and key.partition("@")[0] == run.key for name, key in desk.events)

    def _settle(self) -> None:
        for _ in range(TURNS):
            if self.source.wire:
                some, self.source.wire = self.source.wire, []
                self._hear(*some)
            elif self.desk.ticket is None or not self.desk.perform():
                return
        raise AssertionError("it never comes to rest")

    def _hear(self, *facts: Fact) -> None:
        self.desk.tick(0.01)
        self._check(self.desk.hear(*facts))

    def _check(self, decision: Decision | None) -> None:
        if decision is None:
            return
        desk, ticket = self.desk, decision.ticket
        note(f"{desk.now.time()}: {ticket.status}, {[one.name for one in decision.events]}")
        assert ticket == fold(KEY, desk.facts, POLICY, as_of=desk.now)
        assert len({fact.key for fact in desk.facts}) == len(desk.facts)
        assert len({(one.name, one.key) for one in decision.events}) == len(decision.events)
        for fact in decision.facts:
            if isinstance(fact, Closed):
                self._check_closed(fact, decision)
            elif isinstance(fact, Asked) and not fact.refused:
                run = ticket.resolutions[-1]
                assert (run.ordinal, run.reopened_at) == (fact.resolution, None)
                assert run.resolved_at not in self.asked, "asked twice"
                self.asked.add(run.resolved_at)
        self._check_clocks(decision)
        self._check_that_nothing_more_is_wanted()

    def _check_closed(self, fact: Closed, decision: Decision) -> None:
        run = decision.ticket.resolutions[-1]
        assert decision.ticket.status is Status.CLOSED
        later = [one for one in self.desk.facts if isinstance(one, Message) and one.at > run.resolved_at]
        words = [one for one in later if one.author is Author.CUSTOMER and not one.auto_reply]
        assert all(is_confirmation(one, POLICY.closing) for one in words), "closed over what the customer wrote"
        if fact.by == "quiet":
            told_at = self.desk.done[EffectKind.CLOSING_NOTICE, run.key]
            assert run.resolved_at <= told_at <= self.desk.now - POLICY.closing.notice

    def _check_clocks(self, decision: Decision) -> None:
        for clock in decision.ticket.clocks:
            if clock.breached_at is not None:
                assert clock.deadline_at is not None and clock.deadline_at <= clock.breached_at <= self.desk.now
                assert clock.met_at is None or clock.met_at > clock.breached_at
                assert {50, 80} <= {share for share, _ in clock.warned}
            assert all(at <= self.desk.now for _, at in clock.warned)

    def _check_that_nothing_more_is_wanted(self) -> None:
        """Without news, neither at once nor just before the next timer."""
        desk = self.desk
        ahead = sorted(kept.what for kept in desk.timers.values() if kept.state == PENDING)
        moments = [desk.now, *(at - timedelta(seconds=1) for at in ahead[:1] if at - timedelta(seconds=1) > desk.now)]
        for at in moments:
            again = desk.decided(at)
            wanted = {(one.kind, one.decision) for one in again.effects}
            said = {(one.name, one.key) for one in again.events if one.name != "ticket.close_waits"}
            assert (wanted - desk.effects.keys(), said - desk.events, again.facts) == (set(), set(), ())
        assert all(kept.state != DONE or key in desk.done for key, kept in desk.effects.items())


def test_what_holds_in_every_long_story() -> None:
    run_state_machine_as_test(
        LongStory, settings=settings(max_examples=EXAMPLES, stateful_step_count=14, deadline=None)
    )
