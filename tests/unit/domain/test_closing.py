"""When a resolved ticket closes, what is asked for before, and why it does not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import KEY, a_message, a_reply, a_snapshot, an_answer, at, minutes
from tests.unit.domain.deciding import events
from tests.unit.domain.ending import (
    ANNOUNCED,
    CLOSING,
    DAY,
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
from worker.domain.closing import TOO_LATE
from worker.domain.effects import EffectKind
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted
from worker.domain.ticket import Status, Timer


class TestConfirmed:
    def test_it_closes_when_nothing_else_came_for_five_minutes(self):
        early = run(*RESOLVED, THANKS, now=at(24.9))
        assert (closed(early), timers(early)) == ([], [Timer("closing", "resolution:1:confirmation", at(25))])

        decision = run(*RESOLVED, THANKS, now=at(25))
        assert closed(decision) == [("confirmation", at(25))]
        assert (decision.ticket.status, decision.ticket.closed_at) == (Status.CLOSED, at(25))
        assert decision.ticket.closed_by == "confirmation"

    def test_the_event_says_by_whom_and_what_was_done(self):
        event = events(run(*RESOLVED, THANKS, now=at(25)))["ticket.closed"]

        assert event.data == {"by": "confirmation", "resolution": 1, "text": "Sent anew."}
        assert event.reason == "the customer confirmed it at 2026-06-18 09:20:00 UTC and added nothing for 5 m"

    @pytest.mark.parametrize("ahead", [0.25, 0.9])
    def test_a_person_closes_it_also_while_the_sources_clock_is_ahead(self, ahead):
        known = (*RESOLVED[:-1], a_snapshot(10 + ahead, "resolved"))
        said = act(10 + ahead + 0.001)
        first = run(*known, said, now=at(10), before=run(*known, now=at(10)).ticket)

        again = run(*known, said, *first.facts, now=at(11), before=first.ticket)

        assert closed(first) == [("agent", said.at)]
        assert (first.ticket.status, again.ticket.status, again.facts) == (Status.CLOSED, Status.CLOSED, ())

    def test_whatever_else_they_write_opens_it_again(self):
        told = (*RESOLVED, THANKS, a_message(22, text="Wait, no"))

        assert closed(run(*told, now=at(60))) == []

    def test_the_source_is_asked_to_resolve_it_again(self):
        told = (*RESOLVED, THANKS, a_snapshot(20.01, "open"))

        [effect] = effects(run(*told, now=at(21)), EffectKind.SET_STATUS)

        assert (effect.decision, effect.payload) == (f"confirmed:resolution:1:{THANKS.key}", {"status": "resolved"})
        assert is_wanted(effect.kind, effect.decision, effect.payload, fold(KEY, told, POLICY, as_of=at(21))) is None
        assert effects(run(*RESOLVED, THANKS, now=at(21)), EffectKind.SET_STATUS) == []

    def test_an_answer_to_the_survey_is_no_confirmation(self):
        answered = an_answer(20, 5, via="hookdesk", survey="resolution:1")

        assert closed(run(*RESOLVED, answered, now=at(600))) == []

    def test_not_when_closing_is_switched_off(self):
        policy = replace(POLICY, closing=replace(CLOSING, enabled=False))

        assert run(*RESOLVED, THANKS, now=at(60), policy=policy).ticket.status is Status.IN_PROGRESS

    def test_a_reply_heard_of_late_takes_the_end_back(self):
        ended = run(*RESOLVED, THANKS, now=at(25))
        late = a_message(15, text="It came broken")

        ticket = run(*RESOLVED, THANKS, late, *ended.facts, now=at(30), before=ended.ticket).ticket

        assert (ticket.status, ticket.closed_at, ticket.closed_by) == (Status.IN_PROGRESS, None, "")


class TestQuiet:
    def test_it_is_looked_at_a_day_before_the_five_are_over(self):
        assert timers(run(*RESOLVED, now=at(11))) == [Timer("closing", "resolution:1:notice", ANNOUNCED)]

    def test_the_customer_is_told_then(self):
        assert effects(run(*RESOLVED, now=ANNOUNCED - minutes(1)), EffectKind.CLOSING_NOTICE) == []

        decision = run(*RESOLVED, now=ANNOUNCED)
        [effect] = effects(decision, EffectKind.CLOSING_NOTICE)
        assert effect.decision == "resolution:1"
        assert effect.payload == {
            "text": "We close this request on 2026-06-23, unless you write to us again.",
            "resolution": 1,
            "template": "We close this request on {date}, unless you write to us again.",
        }
        assert "ticket.closing_announced" in events(decision)
        assert timers(decision) == [Timer("closing", "resolution:1:quiet", OVER)]

    def test_it_closes_when_the_time_is_over_and_the_notice_a_day_old(self):
        before = run(*RESOLVED, now=OVER - minutes(1), sent=ANNOUNCED)
        assert (closed(before), timers(before)) == ([], [Timer("closing", "resolution:1:quiet", OVER)])

        decision = run(*RESOLVED, now=OVER, sent=ANNOUNCED)
        assert closed(decision) == [("quiet", OVER)]
        assert "nothing came from the customer for 5 d;" in events(decision)["ticket.closed"].reason
        assert "2026-06-22 09:10:00" in events(decision)["ticket.closed"].reason

    def test_a_late_notice_gets_its_day_too(self):
        sent = OVER - minutes(60)

        early = run(*RESOLVED, now=OVER, sent=sent)

        assert (closed(early), timers(early)) == ([], [Timer("closing", "resolution:1:quiet", sent + DAY)])
        assert closed(run(*RESOLVED, now=sent + DAY, sent=sent)) == [("quiet", sent + DAY)]

    def test_never_silently(self):
        decision = run(*RESOLVED, now=OVER + minutes(1))

        assert closed(decision) == []
        told = events(decision)["ticket.close_waits"]
        assert (told.key, told.data) == ("resolution:1:not_told", {"cause": "not_told"})
        assert "waits for approval, or could not be sent" in told.reason
        assert timers(decision) == [Timer("closing", "resolution:1:quiet", OVER + DAY)]

    def test_before_the_time_is_over_nothing_waits(self):
        assert "ticket.close_waits" not in events(run(*RESOLVED, now=OVER - minutes(1)))

    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ((*RESOLVED[:3], a_snapshot(10, "resolved", can_reply=False)), "cannot_reply"),
            ((a_message(0, auto_reply=True), RESOLVED[2], RESOLVED[3]), "auto_only"),
        ],
    )
    def test_where_nobody_can_be_told_a_person_must_close(self, facts, why):
        decision = run(*facts, now=OVER)

        assert (closed(decision), effects(decision, EffectKind.CLOSING_NOTICE)) == ([], [])
        assert events(decision)["ticket.close_waits"].data == {"cause": why}
        assert events(decision)["ticket.close_waits"].reason.endswith("a person must close it")
        assert timers(decision) == []
        closing = max(minutes(60 * 24 * 6), minutes(1))
        assert closed(run(*facts, act(8000), now=at(0) + closing)) == [("agent", at(0) + closing)]

    def test_nobody_is_told_about_what_is_long_past(self):
        assert timedelta(days=14) == TOO_LATE
        assert effects(run(*RESOLVED, now=ANNOUNCED + TOO_LATE), EffectKind.CLOSING_NOTICE) != []

        late = run(*RESOLVED, now=ANNOUNCED + TOO_LATE + minutes(1))
        assert (effects(late, EffectKind.CLOSING_NOTICE), timers(late)) == ([], [])
        assert events(late)["ticket.close_waits"].data == {"cause": "too_late"}

    def test_a_notice_that_went_out_is_kept_to_however_late(self):
        now = ANNOUNCED + TOO_LATE + DAY

        assert closed(run(*RESOLVED, now=now, sent=ANNOUNCED)) == [("quiet", now)]

    def test_a_message_begins_it_anew(self):
        told = (*RESOLVED, a_message(60, text="It came broken"), a_reply(61), a_snapshot(70, "resolved"))

        assert closed(run(*told, now=OVER, sent=ANNOUNCED)) == []
        assert timers(run(*told, now=at(75))) == [Timer("closing", "resolution:2:notice", at(70) + 4 * DAY)]

    def test_a_notice_is_stale_once_it_is_reopened_closed_or_confirmed(self):
        payload = {"resolution": 1, "text": "…"}
        ended = run(*RESOLVED, THANKS, now=at(25))
        reopened = fold(KEY, (*RESOLVED, a_message(60)), POLICY, as_of=at(61))

        assert is_wanted("closing_notice", "resolution:1", payload, fold(KEY, RESOLVED, POLICY, as_of=at(11))) is None
        assert is_wanted("closing_notice", "resolution:1", payload, reopened) == "reopened"
        assert is_wanted("closing_notice", "resolution:1", payload, ended.ticket) == "closed"
        confirmed = fold(KEY, (*RESOLVED, THANKS), POLICY, as_of=at(21))
        assert is_wanted("closing_notice", "resolution:1", payload, confirmed) == "confirmed"

    @pytest.mark.parametrize(
        ("change", "notice_at"),
        [({"quiet": 3 * DAY}, at(10) + 2 * DAY), ({"notice": 2 * DAY}, at(10) + 3 * DAY)],
    )
    def test_its_numbers_are_the_policys(self, change, notice_at):
        policy = replace(POLICY, closing=replace(CLOSING, **change))

        assert timers(run(*RESOLVED, now=at(11), policy=policy)) == [Timer("closing", "resolution:1:notice", notice_at)]


class TestOnce:
    def test_a_closed_ticket_is_left_alone(self):
        ended = run(*RESOLVED, THANKS, now=at(25))

        again = run(*RESOLVED, THANKS, *ended.facts, now=OVER, before=ended.ticket, sent=ANNOUNCED)

        assert (closed(again), timers(again)) == ([], [])
        assert again.ticket.closed_at == at(25)
