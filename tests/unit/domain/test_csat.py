from datetime import timedelta

import pytest

from tests.builders import BILLING, KEY, MAYA, a_message, a_policy, a_reply, a_snapshot, an_answer, at, minutes
from worker.domain.csat import follow_up
from worker.domain.decide import decide
from worker.domain.effects import EffectKind
from worker.domain.facts import Act, Asked, Verb
from worker.domain.fold import fold
from worker.domain.policy import CsatPolicy
from worker.domain.ticket import Timer
from worker.domain.view import Given

POLICY = a_policy()
RESOLVED = (a_snapshot(1), a_message(1), a_reply(5), a_snapshot(10, "resolved"))


def followed(*facts, now, policy=None, before=None, last_survey_at=None):
    ticket = fold(KEY, facts or RESOLVED, POLICY, as_of=now)
    return follow_up(before, ticket, policy or CsatPolicy(), asked_last=lambda: last_survey_at, now=now)


def an_act(minute, **given):
    return Act(**{"id": "a1", "at": at(minute), "verb": Verb.TRIAGE, "actor": "oleg", **given})


def said(wanted):
    return [(event.name, event.key) for event in wanted.events]


class TestAsking:
    def test_it_waits_for_the_delay(self):
        wanted = followed(now=at(11))

        assert wanted.timers == (Timer("csat", "resolution:1", at(20)),)
        assert (wanted.effects, wanted.facts) == ((), ())
        assert said(wanted) == [("csat.scheduled", "resolution:1")]

    def test_it_asks_when_the_delay_is_over(self):
        wanted = followed(now=at(20))

        assert [(effect.kind, effect.decision) for effect in wanted.effects] == [(EffectKind.SURVEY, "resolution:1")]
        text = "How did we do? Your answer takes ten seconds: {link}"
        assert wanted.effects[0].payload == {"text": text, "resolution": 1, "template": text, "language": ""}
        assert wanted.facts == (Asked(1, at(20)),)
        assert said(wanted) == [("csat.asked", "resolution:1")]
        assert wanted.timers == ()

    def test_once_per_resolution(self):
        assert said(followed(*RESOLVED, Asked(1, at(20)), now=at(30))) == []
        again = (*RESOLVED, Asked(1, at(20)), a_message(40), a_snapshot(50, "resolved"))
        assert said(followed(*again, now=at(60))) == [("csat.asked", "resolution:2")]

    def test_an_open_ticket_is_not_asked_about(self):
        assert followed(a_snapshot(1), now=at(100)).events == ()

    def test_not_one_microsecond_before_the_delay_is_over(self):
        assert followed(now=at(20) - timedelta(microseconds=1)).effects == ()

    def test_the_event_keeps_whose_work_it_was(self):
        maya = a_snapshot(10, "resolved", assignee=MAYA, team=BILLING)

        asked = followed(*RESOLVED[:3], maya, now=at(20)).events[0]

        assert asked.data["agent"] == {"id": "7", "name": "Maya Ortiz"}
        assert asked.data["team"] == {"id": "2", "name": "billing"}
        assert asked.data["category"] == "shipping"


class TestLanguage:
    POLICY = CsatPolicy(messages=(("de", "Wie waren wir? {link}"), ("fr", "Et nous ? {link}")))

    def asked_in(self, **given):
        facts = (*RESOLVED[:3], a_snapshot(10, "resolved", **given))
        return followed(*facts, now=at(20), policy=self.POLICY).effects[0].payload

    def test_the_customer_is_asked_in_their_own(self):
        payload = self.asked_in(language="de")

        assert payload["text"] == payload["template"] == "Wie waren wir? {link}"
        assert payload["language"] == "de"

    @pytest.mark.parametrize("language", ["", "ja", "en"])
    def test_in_the_usual_words_where_there_are_none_for_it(self, language):
        payload = self.asked_in(language=language)

        assert (payload["text"], payload["language"]) == (self.POLICY.message, language)

    def test_a_mail_or_form_that_says_it_is_believed(self):
        mail = a_message(1, language="fr")

        assert fold(KEY, (mail,), POLICY, as_of=at(2)).language == "fr"
        assert fold(KEY, (mail, a_snapshot(1, language="de")), POLICY, as_of=at(2)).language == "de"

    def test_of_two_snapshots_of_one_moment_the_one_that_knows_it_tells_it(self):
        twins = (a_snapshot(1, language="de", organization="Northwind", digest="a"), a_snapshot(1, digest="b"))

        ticket = fold(KEY, twins, POLICY, as_of=at(2))

        assert (ticket.language, ticket.organization) == ("de", "Northwind")


class TestTheUsualNumbers:
    def test_they_are_the_documented_ones(self):
        usual = CsatPolicy()

        assert (usual.delay, usual.editable) == (timedelta(minutes=10), timedelta(hours=1))
        assert (usual.cooldown, usual.link_valid) == (timedelta(days=7), timedelta(days=7))
        assert (usual.low_score, usual.low_score_within) == (2, timedelta(days=1))


class TestRefusals:
    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ((*RESOLVED[:3], a_snapshot(10, "resolved", can_reply=False)), "cannot_reply"),
            ((*RESOLVED, a_message(11, author="system", content_type="input_csat")), "asked_upstream"),
            ((*RESOLVED, an_answer(12, 5, via="hookdesk", survey="resolution:1")), "answered"),
            ((a_message(1, auto_reply=True), RESOLVED[3]), "auto_only"),
            ((a_message(1, auto_reply=True), a_snapshot(10, "resolved", auto_reply=True)), "auto_only"),
            ((*RESOLVED, an_act(11, internal=True)), "internal"),
        ],
    )
    def test_each_names_its_reason(self, facts, why):
        wanted = followed(*facts, now=at(20))

        assert said(wanted) == [("csat.cancelled", f"resolution:1:{why}")]
        assert wanted.events[0].data == {"resolution": 1, "cause": why}
        assert (wanted.effects, wanted.timers, wanted.facts) == ((), (), (Asked(1, at(20), why),))

    def test_switched_off(self):
        assert said(followed(now=at(20), policy=CsatPolicy(enabled=False))) == [
            ("csat.cancelled", "resolution:1:disabled")
        ]

    @pytest.mark.parametrize(
        ("last_survey_at", "is_asked"),
        [(at(20) - timedelta(days=7), True), (at(21) - timedelta(days=7), False), (at(25), False), (None, True)],
    )
    def test_the_cool_down_of_a_customer(self, last_survey_at, is_asked):
        assert bool(followed(now=at(30), last_survey_at=last_survey_at).effects) is is_asked

    @pytest.mark.parametrize(
        ("facts", "policy"),
        [
            (RESOLVED, CsatPolicy(enabled=False)),
            ((*RESOLVED, Asked(1, at(20))), CsatPolicy()),
            ((*RESOLVED, a_message(15), a_snapshot(15)), CsatPolicy()),
        ],
    )
    def test_when_a_customer_was_asked_is_looked_up_only_if_all_hangs_on_it(self, facts, policy):
        looked = []

        follow_up(None, fold(KEY, facts, POLICY, as_of=at(30)), policy, asked_last=lambda: looked.append(1), now=at(30))

        assert not looked

    def test_long_overdue_ones_are_not_sent(self):
        assert followed(now=at(20) + timedelta(days=1)).effects != ()
        assert said(followed(now=at(21) + timedelta(days=1))) == [("csat.cancelled", "resolution:1:too_late")]

    def test_before_the_due_time_nothing_is_final(self):
        blocked = (*RESOLVED[:3], a_snapshot(10, "resolved", can_reply=False))

        assert followed(*blocked, now=at(11)).facts == ()
        assert followed(*blocked, a_snapshot(12, "resolved"), now=at(20)).effects != ()

    def test_at_the_due_time_it_is_looked_at_again_even_if_nothing_else_happens(self):
        blocked = followed(now=at(11), last_survey_at=at(5))

        assert said(blocked) == [("csat.cancelled", "resolution:1:cooldown")]
        assert blocked.timers == (Timer("csat", "resolution:1", at(20)),)
        assert followed(now=at(11), policy=CsatPolicy(enabled=False)).timers == ()

    def test_a_refusal_stands(self):
        assert followed(*RESOLVED, Asked(1, at(20), "cannot_reply"), now=at(30)).effects == ()


class TestReopening:
    reopened = (*RESOLVED, a_message(15))

    def test_it_cancels(self):
        wanted = followed(*self.reopened, now=at(16))

        assert said(wanted) == [("csat.cancelled", "resolution:1:reopened")]
        assert wanted.timers == ()

    def test_it_is_said_once(self):
        before = fold(KEY, self.reopened, POLICY, as_of=at(16))

        assert followed(*self.reopened, before=before, now=at(16) + minutes(1)).events == ()

    def test_a_survey_that_was_asked_is_not_cancelled(self):
        assert followed(*RESOLVED, Asked(1, at(20)), a_message(30), now=at(31)).events == ()


class TestChangingAnAnswer:
    def test_within_the_hour_the_later_answer_stands(self):
        first = an_answer(60, 5, via="hookdesk", survey="resolution:1")
        second = an_answer(120, 2, via="hookdesk", survey="resolution:1")

        assert fold(KEY, (*RESOLVED, first, second), POLICY, as_of=at(130)).answers == (("resolution:1", 2, ""),)

    def test_after_it_the_earlier_one_stands_and_the_late_one_is_told_of(self):
        first = an_answer(60, 5, via="hookdesk", survey="resolution:1")
        late = an_answer(121, 2, via="hookdesk", survey="resolution:1")
        facts = (*RESOLVED, late, first)

        decided = decide(None, KEY, facts, policy=POLICY, known=Given(None), now=at(130))

        assert decided.ticket.answers == (("resolution:1", 5, ""),)
        told = {event.name: event.reason for event in decided.events if event.name.startswith("csat.answer")}
        assert told["csat.answered"] == "the customer gave 5 of 5"
        assert told["csat.answer_too_late"] == "2 of 5 does not count: it came more than 1 h after the first answer"

    def test_what_chatwoot_tells_of_always_counts(self):
        answers = (an_answer(60, 5), an_answer(600, 3))

        assert fold(KEY, (*RESOLVED, *answers), POLICY, as_of=at(700)).answers[0][1] == 3
