"""A low answer opens one follow-up and tells who must know; a better one in time calls it off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders import MAYA, a_message, a_policy, a_reply, a_roster, a_snapshot, an_agent, an_answer, at
from tests.unit.domain.deciding import decided
from worker.domain.effects import EffectKind
from worker.domain.facts import Person
from worker.domain.outcome import is_wanted
from worker.domain.policy import CsatPolicy, NoticePolicy

OWNER = Person("7", "Maya Ortiz", "maya@desk.example")
RESOLVED = (a_snapshot(1), a_message(1), a_reply(5), a_snapshot(10, "resolved", assignee=OWNER))
NOTICES = NoticePolicy(leads=(("", "lead@desk.example"),))
POLICY = a_policy(notices=NOTICES)
NOTE, NOTICE = EffectKind.PRIVATE_NOTE, EffectKind.OPERATOR_NOTICE


def gave(minute, rating, **given):
    return an_answer(minute, rating, **{"via": "hookdesk", "survey": "resolution:1", **given})


def after(*answers, before=(), now=200, policy=POLICY, done=()):
    """What is decided when these answers are heard of, on top of a ticket that knew `before`."""
    ticket = decided(*RESOLVED, *before, now=at(now), policy=policy).ticket
    performed = {(kind, decision): at(now) for kind, decision in done}
    return decided(*RESOLVED, *before, *answers, before=ticket, now=at(now), policy=policy, done=performed)


def opened(decision):
    return [(one.kind, one.key, one.due_at) for one in decision.activities if one.kind == "low_score"]


def told(decision):
    return [(effect.kind, effect.decision) for effect in decision.effects if "low_score" in effect.decision]


def names(decision):
    return [event.name for event in decision.events if event.name.startswith("csat.low")]


class TestALowAnswer:
    def test_it_opens_a_follow_up_for_whoever_has_the_ticket(self):
        decision = after(gave(60, 2, feedback="Nobody read what I wrote."))

        (activity,) = [one for one in decision.activities if one.kind == "low_score"]
        assert (activity.key, activity.due_at) == ("resolution:1", at(60) + timedelta(days=1))
        assert activity.assignee == OWNER
        assert activity.reason == "the customer gave 2 of 5: ask what went wrong"

    def test_a_note_and_a_notice_tell_of_it_with_the_customers_words(self):
        decision = after(gave(60, 1, feedback="Nobody read what I wrote."))

        note, notice = (one for one in decision.effects if one.decision == "low_score:resolution:1")
        assert (note.kind, notice.kind) == (NOTE, NOTICE)
        assert note.payload["text"] == (
            "The customer gave 1 of 5. They wrote: Nobody read what I wrote.\n"
            "Maya Ortiz should ask what went wrong by 2026-06-19 10:00:00 UTC."
        )
        assert notice.payload["to"] == ["maya@desk.example", "lead@desk.example"]
        assert notice.payload["subject"] == "1 of 5 from Lena Fischer: Where is my parcel?"
        assert notice.payload["text"] == note.payload["text"]

    def test_the_event_says_so_with_whose_work_it_was(self):
        (event,) = [one for one in after(gave(60, 2)).events if one.name == "csat.low_score"]

        assert (event.key, event.at, event.stage) == ("resolution:1", at(60), "csat")
        assert event.reason == (
            "the customer gave 2 of 5: Maya Ortiz should ask what went wrong by 2026-06-19 10:00:00 UTC"
        )
        assert event.data["rating"] == 2
        assert event.data["agent"] == {"id": "7", "name": "Maya Ortiz"}

    @pytest.mark.parametrize(("rating", "is_low"), [(1, True), (2, True), (3, False), (5, False)])
    def test_low_is_what_the_policy_says(self, rating, is_low):
        assert bool(opened(after(gave(60, rating)))) is is_low

    def test_another_desk_draws_the_line_elsewhere(self):
        strict = a_policy(csat=CsatPolicy(low_score=3, low_score_within=timedelta(hours=2)))
        never = a_policy(csat=CsatPolicy(low_score=0))

        assert opened(after(gave(60, 3), policy=strict)) == [("low_score", "resolution:1", at(180))]
        assert opened(after(gave(60, 1), policy=never)) == []

    def test_an_answer_by_chatwoots_own_survey_counts_too(self):
        assert opened(after(an_answer(60, 1, survey="9013"))) == [("low_score", "9013", at(60) + timedelta(days=1))]

    def test_without_an_assignee_it_is_nobodys_yet(self):
        facts = (*RESOLVED[:3], a_snapshot(10, "resolved"), gave(60, 1))

        (activity,) = [one for one in decided(*facts, now=at(70)).activities if one.kind == "low_score"]

        assert activity.assignee is None

    def test_an_endless_feedback_is_cut(self):
        note = next(one for one in after(gave(60, 1, feedback="x" * 5000)).effects if one.kind is NOTE)

        assert note.payload["text"].count("x") == 1000

    def test_the_roster_knows_an_address_that_the_ticket_does_not(self):
        facts = (*RESOLVED[:3], a_snapshot(10, "resolved", assignee=MAYA), gave(60, 1))

        decision = decided(*facts, now=at(70), policy=POLICY, roster=a_roster(an_agent(OWNER)))

        notice = next(one for one in decision.effects if one.kind is NOTICE)
        assert notice.payload["to"] == ["maya@desk.example", "lead@desk.example"]


class TestOncePerSurvey:
    def test_a_worse_answer_opens_no_second_one(self):
        assert told(after(gave(70, 1), before=(gave(60, 2),))) == []

    def test_the_same_is_not_said_at_the_next_decision(self):
        decision = after(a_message(300), before=(gave(60, 2),), now=300)

        assert (opened(decision), told(decision), names(decision)) == ([], [], [])

    def test_an_answer_after_the_hour_changes_nothing(self):
        assert names(after(gave(121, 1), before=(gave(60, 5),))) == []

    def test_another_resolution_has_its_own(self):
        again = (gave(60, 1), a_message(100), a_reply(101), a_snapshot(110, "resolved", assignee=OWNER))

        decision = after(gave(130, 2, survey="resolution:2"), before=again)

        assert [key for _, key, _ in opened(decision)] == ["resolution:2"]


class TestThinkingBetterOfIt:
    def test_the_follow_up_is_called_off_without_a_word_when_nobody_was_told(self):
        decision = after(gave(70, 5), before=(gave(60, 2),))

        assert [(end.kind, end.key) for end in decision.ended] == [("low_score", "resolution:1")]
        assert decision.ended[0].reason == "the customer changed the answer to 5 of 5: nobody needs to call about it"
        assert names(decision) == ["csat.low_score_withdrawn"]
        assert told(decision) == []

    def test_a_note_takes_back_what_was_told(self):
        decision = after(gave(70, 5), before=(gave(60, 2),), done=[(NOTE, "low_score:resolution:1")])

        assert told(decision) == [(NOTE, "low_score_withdrawn:resolution:1")]
        (note,) = [effect for effect in decision.effects if "withdrawn" in effect.decision]
        assert note.payload["text"] == "The customer changed their answer to 5 of 5. The follow-up is called off."

    def test_a_note_that_was_on_its_way_is_taken_back_at_the_next_look(self):
        changed = (gave(60, 2), gave(70, 5))

        decision = after(before=changed, done=[(NOTE, "low_score:resolution:1")])

        assert told(decision) == [(NOTE, "low_score_withdrawn:resolution:1")]
        assert names(decision) == []

    def test_what_was_not_told_yet_is_not_told_any_more(self):
        payload = {"text": "…", "survey": "resolution:1", "low_score": 2}
        low = decided(*RESOLVED, gave(60, 2), now=at(65)).ticket
        better = decided(*RESOLVED, gave(60, 2), gave(70, 3), now=at(75)).ticket

        for kind in (NOTE, NOTICE):
            assert is_wanted(kind, "low_score:resolution:1", payload, low) is None
            assert is_wanted(kind, "low_score:resolution:1", payload, better) == "answer_changed"

    def test_both_heard_at_once_are_as_if_nothing_had_been(self):
        decision = after(gave(60, 2), gave(70, 5))

        assert (opened(decision), told(decision), names(decision)) == ([], [], [])

    def test_worse_again_opens_another(self):
        decision = after(gave(80, 1), before=(gave(60, 2), gave(70, 5)))

        assert opened(decision) == [("low_score", "resolution:1:2", at(80) + timedelta(days=1))]
        assert told(decision) == [(NOTE, "low_score:resolution:1:2"), (NOTICE, "low_score:resolution:1:2")]


class TestReplay:
    def test_a_ticket_decided_anew_wants_what_stands(self):
        decision = decided(*RESOLVED, gave(60, 2), gave(70, 1), now=at(200), policy=POLICY)

        assert [key for _, key, _ in opened(decision)] == ["resolution:1"]
