"""What is to be done after a resolution, and when it is not any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import MAYA, a_message, a_policy, a_reply, a_snapshot, an_answer, at, minutes
from tests.unit.domain.deciding import decided, events
from worker.domain.activities import TOO_LATE
from worker.domain.facts import Act, Verb
from worker.domain.policy import ClosingPolicy, CsatPolicy
from worker.domain.ticket import Activity
from worker.policy_file import load_policy

POLICY = a_policy()
CONFIRMING = a_policy(closing=load_policy(None).closing)
OPEN = (a_snapshot(0, assignee=MAYA), a_message(0), a_reply(5))
RESOLVED = (*OPEN, a_snapshot(10, "resolved", assignee=MAYA))
BEFORE = decided(*OPEN, now=at(6)).ticket
SURVEY = Activity("satisfaction_survey", "resolution:1", at(20), "how was resolution 1?")
CHECK = Activity("health_check", "resolution:1", at(10) + timedelta(days=7), "does resolution 1 hold?", MAYA)


def ended(decision):
    return [(one.kind, one.key, one.state, one.reason) for one in decision.ended]


class TestOpening:
    def test_a_resolution_opens_both(self):
        decision = decided(*RESOLVED, now=at(10), before=BEFORE)

        assert decision.activities == (SURVEY, CHECK)
        created = [one for one in decision.events if one.name == "activity.created"]
        assert [one.data["type"] for one in created] == ["satisfaction_survey", "health_check"]
        assert [one.data["assignee"] for one in created] == [None, {"id": "7", "name": "Maya Ortiz"}]
        assert created[1].reason == (
            "health check about resolution 1, due 2026-06-25 09:10:00 UTC: does resolution 1 hold?"
        )

    def test_once(self):
        first = decided(*RESOLVED, now=at(10), before=BEFORE)

        again = decided(*RESOLVED, *first.facts, now=at(11), before=first.ticket)

        assert (again.activities, again.ended) == ((), ())

    def test_again_when_what_seemed_to_reopen_it_was_only_thanks(self):
        first = decided(*RESOLVED, now=at(10), before=BEFORE)
        opened = (*RESOLVED, *first.facts, a_snapshot(15.001, "open", assignee=MAYA))
        seeming = decided(*opened, now=at(15.01), before=first.ticket)

        thanks = a_message(15, id="thanks", text="Thanks, that solved it!")
        over = decided(*opened, thanks, *seeming.facts, now=at(15.02), before=seeming.ticket, policy=CONFIRMING)

        assert (seeming.activities, [one[2] for one in ended(seeming)]) == ((), ["cancelled", "cancelled"])
        assert over.activities == (SURVEY, CHECK)
        assert [one.name for one in over.events if one.key.startswith("resolution:1@")] == ["ticket.resolved"]

        more = a_message(18, id="more", text="Wait, it is broken again")
        told = (*opened, thanks, *seeming.facts, *over.facts, more)
        real = decided(*told, now=at(18), before=over.ticket, policy=CONFIRMING)
        assert events(real)["ticket.reopened"].key != events(seeming)["ticket.reopened"].key

    def test_each_resolution_has_its_own(self):
        first = decided(*RESOLVED, now=at(10), before=BEFORE)
        told = (*RESOLVED, a_message(15), a_snapshot(30, "resolved"))

        second = decided(*told, *first.facts, now=at(30), before=first.ticket)

        assert [(one.kind, one.key, one.due_at) for one in second.activities] == [
            ("satisfaction_survey", "resolution:2", at(40)),
            ("health_check", "resolution:2", at(30) + timedelta(days=7)),
        ]

    def test_their_times_are_the_policys(self):
        policy = replace(
            POLICY, csat=CsatPolicy(delay=minutes(30)), closing=ClosingPolicy(health_check=timedelta(days=2))
        )

        decision = decided(*RESOLVED, now=at(10), before=BEFORE, policy=policy)

        assert [one.due_at for one in decision.activities] == [at(40), at(10) + timedelta(days=2)]

    def test_no_survey_without_surveys(self):
        policy = replace(POLICY, csat=CsatPolicy(enabled=False))

        assert [one.kind for one in decided(*RESOLVED, now=at(10), policy=policy).activities] == ["health_check"]

    @pytest.mark.parametrize(
        "facts",
        [
            (*RESOLVED, Act("i", at(1), Verb.TRIAGE, "anna", internal=True)),
            (a_message(0, auto_reply=True), *RESOLVED[2:]),
        ],
        ids=["internal", "only automatic replies"],
    )
    def test_none_where_no_customer_is(self, facts):
        assert decided(*facts, now=at(10)).activities == ()

    def test_what_is_long_due_is_not_opened(self):
        assert timedelta(days=1) == TOO_LATE
        assert decided(*RESOLVED, now=SURVEY.due_at + TOO_LATE).activities == (SURVEY, CHECK)
        assert decided(*RESOLVED, now=SURVEY.due_at + TOO_LATE + minutes(1)).activities == (CHECK,)
        assert decided(*RESOLVED, now=CHECK.due_at + TOO_LATE + minutes(1)).activities == ()


class TestEnding:
    first = decided(*RESOLVED, now=at(10), before=BEFORE)

    def later(self, *facts, now, **given):
        return decided(*RESOLVED, *self.first.facts, *facts, now=now, before=self.first.ticket, **given)

    def test_a_reopening_calls_both_off(self):
        decision = self.later(a_message(15), now=at(15))

        assert ended(decision) == [
            ("satisfaction_survey", "resolution:1", "cancelled", "the ticket was reopened"),
            ("health_check", "resolution:1", "cancelled", "the ticket was reopened"),
        ]
        assert "activity.cancelled" in events(decision)
        again = decided(*RESOLVED, a_message(15), *decision.facts, now=at(16), before=decision.ticket)
        assert again.ended == ()

    def test_what_was_done_by_then_is_not_called_off(self):
        answered = frozenset({("satisfaction_survey", "resolution:1")})

        decision = self.later(a_message(15), now=at(15), ended=answered)

        assert ended(decision) == [("health_check", "resolution:1", "cancelled", "the ticket was reopened")]
        assert [one.data for one in decision.events if one.name == "activity.cancelled"] == [{"type": "health_check"}]

    @pytest.mark.parametrize(
        "answer",
        [an_answer(30, 5, via="hookdesk", survey="resolution:1"), an_answer(30, 5, via="chatwoot", survey="9013")],
        ids=["to ours", "to Chatwoot's own"],
    )
    def test_an_answer_is_what_the_survey_was_for(self, answer):
        decision = self.later(answer, now=at(31))

        assert ended(decision) == [("satisfaction_survey", "resolution:1", "done", "the customer answered")]
        assert events(decision)["activity.done"].data == {"type": "satisfaction_survey"}

    def test_an_answer_from_before_the_resolution_is_about_another(self):
        assert self.later(an_answer(8, 5, survey="9013"), now=at(11)).ended == ()

    def test_a_survey_that_is_refused_is_called_off(self):
        decision = self.later(now=at(20), last_survey_at=at(0))

        assert ended(decision) == [
            ("satisfaction_survey", "resolution:1", "cancelled", "this customer was asked a short while ago")
        ]
