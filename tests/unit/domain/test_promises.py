"""Warnings, breaches heard of in time and late, and what is taken back, as decisions tell them."""

from dataclasses import replace

import pytest

from tests.builders import MAYA, a_message, a_policy, a_reply, a_snapshot, an_sla, at, minutes
from tests.unit.domain.deciding import NEW, decided, events, wishes
from worker.domain.effects import EffectKind
from worker.domain.outcome import is_wanted
from worker.domain.policy import NoticePolicy
from worker.domain.ticket import Timer

FIRST = decided(*NEW, now=at(1))
KNOWN = (*NEW, *FIRST.facts)
BREACH = "sla:first_response:1:2026-06-18T10:00:00+00:00"
NOTE, NOTICE = EffectKind.PRIVATE_NOTE, EffectKind.OPERATOR_NOTICE


def later(*facts, now, before=FIRST, **given):
    return decided(*KNOWN, *facts, before=before.ticket, now=at(now), **given)


def clock(decision, key="first_response:1"):
    return next(each for each in decision.ticket.clocks if each.key == key)


class TestWarnings:
    def test_each_share_is_a_timer_until_it_is_used_up_and_an_event_then(self):
        half, most = later(now=30), later(now=48)

        assert Timer("warning", "first_response:1:50", at(30)) in FIRST.timers
        assert Timer("warning", "first_response:1:80", at(48)) in FIRST.timers
        assert [(t.key, t.due_at) for t in half.timers if t.kind == "warning" and "first" in t.key] == [
            ("first_response:1:80", at(48))
        ]
        assert [(e.key, e.at) for e in half.events] == [("first_response:1:50", at(30))]
        assert [e.key for e in most.events] == ["first_response:1:50", "first_response:1:80"]
        assert clock(most).warned == ((50, at(30)), (80, at(48)))

    def test_the_event_says_how_much_is_used_up_and_until_when_it_can_be_kept(self):
        event = events(later(now=48))["sla.warned"]

        assert event.reason == "80 % of the 1 h for first response are used up; it is due by 2026-06-18 10:00:00 UTC"
        assert (event.data["share"], event.data["clock"]) == (80, "first_response:1")

    @pytest.mark.parametrize(("now", "said"), [(29.99, []), (30, ["first_response:1:50"])])
    def test_never_early(self, now, said):
        assert [event.key for event in later(now=now).events] == said

    def test_only_the_highest_share_is_a_note_and_a_notice_to_the_assignee(self):
        address = NoticePolicy(leads=(("", "lead@desk.example"),))
        policy = a_policy(notices=address)
        maya = replace(MAYA, email="maya@desk.example")
        facts = (*KNOWN, a_snapshot(2, assignee=maya))
        before = decided(*facts, now=at(3), policy=policy)

        half = decided(*facts, before=before.ticket, now=at(31), policy=policy)
        most = decided(*facts, before=half.ticket, now=at(49), policy=policy)

        assert wishes(half) == []
        assert wishes(most) == [
            ("private_note", "warned:first_response:1:80"),
            ("operator_notice", "warned:first_response:1:80"),
        ]
        note, notice = most.effects
        assert note.payload["text"] == (
            "SLA at risk: 80 % of the time for first response is used up, it is due by 2026-06-18 10:00:00 UTC "
            "(policy standard). Assigned to Maya Ortiz, priority low."
        )
        assert notice.payload["to"] == ["maya@desk.example"]
        assert notice.payload["late"] is False
        assert notice.payload["subject"] == "first response is at risk: refund my invoice"

    def test_nobody_is_told_where_nobody_has_it(self):
        first = decided(*NEW, now=at(1), roster=None)
        decision = decided(*NEW, *first.facts, before=first.ticket, now=at(49), roster=None)

        assert wishes(decision) == [("private_note", "warned:first_response:1:80")]

    def test_it_is_said_once(self):
        warned = later(now=49)

        again = later(before=warned, now=50)

        assert (again.events, again.effects) == ((), ())

    def test_a_clock_met_before_the_share_gives_none(self):
        decision = later(a_reply(30), now=49)

        assert clock(decision).warned == ()
        assert "sla.warned" not in events(decision)
        assert not [timer for timer in decision.timers if "first_response" in timer.key]

    def test_a_pause_moves_the_share_and_one_heard_of_late_corrects_it(self):
        warned = later(now=49)
        corrected = later(a_snapshot(10, "pending"), a_snapshot(30, "open"), before=warned, now=50)

        assert clock(corrected).warned == ((50, at(50)),)
        assert Timer("warning", "first_response:1:80", at(68)) in corrected.timers

    def test_a_policy_may_do_without(self):
        policy = a_policy(sla=(an_sla(warn_at=()),))

        decision = decided(*NEW, now=at(59), policy=policy)

        assert {timer.kind for timer in decision.timers} == {"sla"}
        assert all(each.warned == () for each in decision.ticket.clocks)

    def test_it_is_at_risk_from_the_highest_share_of_its_own_policy_on(self):
        early = a_policy(sla=(an_sla(warn_at=(30, 60)),))
        before, after = (decided(*NEW, now=at(minute), policy=early) for minute in (35, 36))

        assert (clock(before).at_risk, clock(after).at_risk) == (False, True)
        assert (clock(later(now=47)).at_risk, clock(later(now=48)).at_risk) == (False, True)

    def test_once_it_is_broken_there_is_nothing_left_to_warn_of(self):
        decision = later(now=61)

        assert [event.name for event in decision.events] == ["sla.warned", "sla.warned", "sla.breached"]
        assert wishes(decision) == [("private_note", BREACH)]


class TestStale:
    key = "warned:first_response:1:80"

    @pytest.mark.parametrize(
        ("facts", "now", "word"),
        [
            ((), 50, None),
            ((a_reply(49),), 50, "met"),
            ((), 61, "breached"),
            ((a_snapshot(10, "pending"), a_snapshot(40, "open")), 50, "deadline_moved"),
            ((a_message(0, auto_reply=True),), 50, "deadline_moved"),
        ],
    )
    @pytest.mark.parametrize("kind", [NOTE, NOTICE])
    def test_a_warning_is_dropped_when_it_has_become_pointless(self, kind, facts, now, word):
        known = [fact for fact in KNOWN if fact.key not in {each.key for each in facts}]
        ticket = decided(*known, *facts, now=at(now)).ticket

        assert is_wanted(kind, self.key, {}, ticket) == word

    def test_so_is_one_of_a_ticket_that_is_resolved(self):
        facts = (*KNOWN, a_message(5), a_reply(1), a_message(6))
        ticket = replace(decided(*facts, now=at(110)).ticket, status="resolved")

        assert is_wanted(NOTE, "warned:next_response:1:80", {}, ticket) == "resolved"

    @pytest.mark.parametrize("decision", [BREACH, "sla:first_response:1"])
    @pytest.mark.parametrize("kind", [NOTE, NOTICE])
    def test_a_breach_is_told_until_it_is_taken_back(self, kind, decision):
        assert is_wanted(kind, decision, {}, later(now=61).ticket) is None
        assert is_wanted(kind, decision, {}, later(a_reply(59), now=62).ticket) == "breach_withdrawn"


class TestLate:
    def test_what_is_heard_of_long_after_becomes_a_line_for_the_team_and_no_note(self):
        policy = a_policy(notices=NoticePolicy(leads=(("billing", "money@desk.example"), ("", "all@desk.example"))))

        decision = later(now=120, policy=policy)

        assert "sla.breached" in events(decision)
        assert wishes(decision) == [("operator_notice", BREACH)]
        payload = decision.effects[0].payload
        assert (payload["late"], payload["team"], payload["to"]) == (True, "billing", ["money@desk.example"])
        assert payload["subject"] == "first response is overdue: refund my invoice"
        assert payload["text"] == (
            "1/312 refund my invoice: first response was due by 2026-06-18 10:00:00 UTC; Maya Ortiz, priority low"
        )

    @pytest.mark.parametrize(("now", "kind"), [(65, NOTE), (65.01, NOTICE)])
    def test_five_minutes_are_not_late(self, now, kind):
        assert [effect.kind for effect in later(now=now).effects] == [kind]

    def test_a_late_warning_is_no_note_either(self):
        decision = later(now=54)

        assert [(effect.kind, effect.payload["late"]) for effect in decision.effects] == [(NOTICE, True)]
        assert decision.effects[0].payload["subject"] == "first response is at risk: refund my invoice"

    def test_a_target_that_has_only_now_become_shorter_is_not_late(self):
        fast = an_sla(name="fast", priorities=("urgent",), first_response=minutes(10))
        policy = a_policy(sla=(fast, an_sla()))
        before = later(now=20, policy=policy)

        decision = later(a_snapshot(20.5, priority="urgent"), before=before, now=21, policy=policy)

        assert clock(decision).breached_at == at(10)
        assert [kind for kind, _ in wishes(decision)] == ["private_note"]


class TestWithdrawal:
    breached = later(now=61)
    back = "withdrawn:first_response:1:2026-06-18T10:00:00+00:00"

    def test_a_note_that_was_written_is_taken_back_with_both_times(self):
        decision = later(a_reply(59), before=self.breached, now=62, done={(NOTE, BREACH): at(61)})

        assert wishes(decision) == [("private_note", self.back)]
        assert decision.effects[0].payload["text"] == (
            "SLA breach taken back: first response was marked breached at 2026-06-18 10:00:00 UTC, "
            "but it was met at 2026-06-18 09:59:00 UTC, which we heard of late."
        )

    @pytest.mark.parametrize("done", [(NOTICE, BREACH), (NOTE, "sla:first_response:1")])
    def test_so_is_a_notice_and_a_note_of_an_earlier_release(self, done):
        decision = later(a_reply(59), before=self.breached, now=62, done={done: at(61)})

        assert wishes(decision) == [("private_note", self.back)]

    def test_nothing_is_taken_back_that_was_not_said(self):
        others = {(NOTE, "sla:first_response:10:x"): at(61), (NOTE, "sla:resolution:1:x"): at(61)}

        assert wishes(later(a_reply(59), before=self.breached, now=62, done=others)) == []

    def test_a_breach_that_stands_is_not_taken_back(self):
        assert wishes(later(a_reply(61), before=self.breached, now=62, done={(NOTE, BREACH): at(61)})) == []

    def test_a_deadline_that_moved_may_pass_again_and_is_told_again(self):
        pause = (a_snapshot(50, "snoozed"), a_snapshot(70, "open"))
        withdrawn = later(*pause, before=self.breached, now=71, done={(NOTE, BREACH): at(61)})
        again = later(*pause, before=withdrawn, now=80)

        assert events(withdrawn)["sla.breach_withdrawn"].data["was_breached_at"] == at(60).isoformat()
        assert "it is due by 2026-06-18 10:20:00 UTC" in withdrawn.effects[0].payload["text"]
        assert events(again)["sla.breached"].key == "first_response:1:2026-06-18T10:20:00+00:00"
        assert wishes(again) == [("private_note", "sla:first_response:1:2026-06-18T10:20:00+00:00")]

    def test_a_breach_that_moved_is_taken_back_and_told_with_its_own_time(self):
        """The first words of the customer are heard of last."""
        moved = later(a_message(-10, id="earlier"), before=self.breached, now=62, done={(NOTE, BREACH): at(61)})

        at_last = "first_response:1:2026-06-18T09:50:00+00:00"
        assert clock(moved).breached_at == at(50)
        assert events(moved)["sla.breach_withdrawn"].data["was_breached_at"] == at(60).isoformat()
        assert events(moved)["sla.breached"].key == at_last
        assert {self.back, f"sla:{at_last}"} <= {decision for _, decision in wishes(moved)}
        assert is_wanted("private_note", BREACH, {}, moved.ticket) == "breach_withdrawn"
        assert is_wanted("private_note", f"sla:{at_last}", {}, moved.ticket) is None

    def test_a_clock_that_only_stands_still_now_says_so(self):
        decision = later(a_snapshot(50, "snoozed"), before=self.breached, now=62, done={(NOTE, BREACH): at(61)})

        assert "paused before it was due" in decision.effects[0].payload["text"]
