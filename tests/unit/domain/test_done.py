"""The definition of done, and closing by a person."""

from dataclasses import replace

import pytest

from tests.builders import KEY, a_message, a_reply, a_snapshot, at
from tests.unit.domain.deciding import events
from tests.unit.domain.ending import (
    ANNOUNCED,
    INTERNAL,
    OVER,
    POLICY,
    RESOLVED,
    THANKS,
    act,
    closed,
    effects,
    run,
    timers,
)
from worker.domain.closing import missing
from worker.domain.effects import EffectKind
from worker.domain.fold import fold
from worker.domain.policy import Category, FieldRule
from worker.domain.ticket import Status, Timer


class TestInternal:
    def test_only_a_person_closes_it(self):
        told = (*RESOLVED, INTERNAL, THANKS)

        assert closed(run(*told, now=OVER, sent=ANNOUNCED)) == []
        assert timers(run(*told, now=at(25))) == []
        assert closed(run(*told, act(30), now=at(30))) == [("agent", at(30))]


class TestByAPerson:
    def test_any_resolved_ticket(self):
        decision = run(*RESOLVED, act(30, reason="customer called"), now=at(30))

        assert closed(decision) == [("agent", at(30))]
        assert events(decision)["ticket.closed"].reason == "anna closed it: customer called"
        assert events(decision, "ticket.status_changed")["ticket.status_changed"].reason.endswith(
            "anna closed it: customer called"
        )

    def test_not_by_an_act_about_an_earlier_resolution(self):
        told = (*RESOLVED, act(30), a_message(29, text="It came broken"), a_snapshot(40, "resolved"))

        assert closed(run(*told, now=at(41))) == []

    def test_a_rule_or_an_ai_only_proposes(self):
        proposal = act(30, automatic=True, actor="assistant", reason="nothing open")

        decision = run(*RESOLVED, proposal, now=at(30))

        assert (closed(decision), decision.ticket.status) == ([], Status.RESOLVED)
        assert decision.ticket.proposed_close == "assistant: nothing open"
        event = events(decision)["ticket.close_proposed"]
        assert event.data == {"actor": "assistant", "reason": "nothing open"}
        assert "A person decides." in event.reason
        assert [one.decision for one in effects(decision, EffectKind.PRIVATE_NOTE)] == ["act:a30"]
        again = run(*RESOLVED, proposal, now=at(31), before=decision.ticket)
        assert "ticket.close_proposed" not in events(again)

    def test_nothing_happens_to_an_open_one(self):
        assert closed(run(*RESOLVED[:3], act(30), now=at(30))) == []


class TestDefinitionOfDone:
    policy = replace(
        POLICY,
        categories=(Category("other", "Other", done=("replied", "confirmed", "field:order", "label:checked")),),
        fields=(FieldRule("order"),),
    )
    bare = (a_snapshot(0), a_message(0, text="hello"), a_snapshot(10, "resolved"))

    def missing(self, *facts, policy=None):
        return missing(fold(KEY, facts, policy or self.policy, as_of=at(60)), policy or self.policy)

    def test_each_check_says_what_is_missing(self):
        assert self.missing(*self.bare) == (
            "it does not say what was done: no resolution text",
            "no human has answered the customer",
            "the customer has not confirmed the resolution",
            "the field order is empty",
            "the label checked is not set",
        )

    @pytest.mark.parametrize(
        ("fact", "gone"),
        [
            (a_reply(5), "no human has answered the customer"),
            (THANKS, "the customer has not confirmed the resolution"),
            (a_snapshot(11, "resolved", attributes=(("order", "4711"),)), "the field order is empty"),
            (a_snapshot(11, "resolved", labels=("Checked",)), "the label checked is not set"),
            (
                a_reply(5, text="Resolution: sent anew", private=True),
                "it does not say what was done: no resolution text",
            ),
        ],
    )
    def test_each_is_met_by_its_own(self, fact, gone):
        before, after = self.missing(*self.bare), self.missing(*self.bare, fact)

        assert gone in before
        assert gone not in after

    def test_a_category_without_checks_needs_a_resolution_text(self):
        assert self.missing(*self.bare, policy=POLICY) == ("it does not say what was done: no resolution text",)
        assert self.missing(*RESOLVED, policy=POLICY) == ()

    def test_resolving_is_recorded_all_the_same(self):
        assert run(*self.bare, now=at(11)).ticket.status is Status.RESOLVED

    def test_what_is_missing_is_said_after_five_minutes(self):
        early = run(*self.bare, now=at(14.9))
        assert timers(early) == [Timer("closing", "resolution:1:done", at(15))]
        assert "ticket.close_blocked" not in events(early)

        decision = run(*self.bare, now=at(15))
        event = events(decision)["ticket.close_blocked"]
        assert event.reason == "it cannot be closed yet: it does not say what was done: no resolution text"
        assert event.data == {"missing": ["it does not say what was done: no resolution text"]}
        [note] = effects(decision, EffectKind.PRIVATE_NOTE)[-1:]
        assert note.payload == {"text": "Not closed yet. Missing:\n- it does not say what was done: no resolution text"}
        assert note.decision == f"close_blocked:{event.key}"

    def test_once_and_again_when_it_changes(self):
        first = run(*self.bare, now=at(15), policy=self.policy)
        same = run(*self.bare, now=at(16), policy=self.policy, before=first.ticket)
        other = run(*self.bare, THANKS, now=at(21), policy=self.policy, before=first.ticket)

        keys = [events(one)["ticket.close_blocked"].key for one in (first, same, other)]
        assert keys[0] == keys[1] != keys[2]

    def test_it_neither_closes_nor_tells_the_customer(self):
        assert closed(run(*self.bare, THANKS, now=OVER, sent=ANNOUNCED)) == []
        assert effects(run(*self.bare, now=ANNOUNCED), EffectKind.CLOSING_NOTICE) == []

    def test_a_person_is_told_at_once_and_it_closes_when_it_is_met(self):
        asked = run(*self.bare, act(12), now=at(12))
        assert (closed(asked), "ticket.close_blocked" in events(asked)) == ([], True)

        told = (*self.bare, act(12), a_reply(13, text="resolution: sent anew", private=True))
        assert closed(run(*told, now=at(14), before=asked.ticket)) == [("agent", at(14))]
