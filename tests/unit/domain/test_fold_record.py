from datetime import timedelta

import pytest

from tests.builders import (
    BILLING,
    KEY,
    LENA,
    MAYA,
    OLEG,
    T0,
    a_message,
    a_policy,
    a_reply,
    a_snapshot,
    an_answer,
    an_sla,
    at,
)
from worker.domain.facts import Person, Routed, TicketKey
from worker.domain.fold import fold
from worker.domain.ticket import Status

POLICY = a_policy()
LATER = at(1000)


def folded(*facts, as_of=LATER, **given):
    return fold(given.pop("key", KEY), facts, given.pop("policy", POLICY), as_of=as_of, **given)


class TestRegisters:
    def test_the_latest_snapshot_wins(self):
        ticket = folded(a_snapshot(5, labels=("new",), team=BILLING), a_snapshot(1, labels=("old",)))

        assert (ticket.tags, ticket.team, ticket.registers_at) == (("new",), BILLING, at(5))

    def test_equal_times_are_merged_the_same_way_in_any_order(self):
        one = a_snapshot(5, labels=("a",), team=BILLING, digest="1")
        other = a_snapshot(5, "resolved", labels=("b",), assignee=MAYA, digest="2")

        ticket = folded(one, other)

        assert ticket == folded(other, one)
        assert (ticket.tags, ticket.team, ticket.assignee) == (("a", "b"), BILLING, MAYA)
        assert ticket.status is Status.RESOLVED

    def test_two_tellings_of_one_message_give_the_same_ticket_in_any_order(self):
        one, other = a_message(1, text="refund"), a_message(1, text="parcel")

        assert folded(one, other) == folded(other, one)

    def test_a_bot_is_no_assignee(self):
        ticket = folded(a_snapshot(1, "pending", assignee=Person("4", "Bot"), assignee_is_bot=True))

        assert (ticket.assignee, ticket.with_bot) == (None, True)


class TestBeginning:
    def test_our_own_decisions_do_not_begin_it_though_our_clock_may_be_behind(self):
        ticket = folded(a_message(5), Routed(1, at(2), "rule", BILLING, MAYA, "because"))

        assert ticket.created_at == at(5)


class TestAssignee:
    routed = Routed(1, at(2), "rule", BILLING, MAYA, "because")

    def test_by_the_source(self):
        assert folded(a_snapshot(1, assignee=OLEG)).assignee_by == "source"

    def test_our_decision_stands_while_the_source_shows_nobody(self):
        ticket = folded(a_snapshot(1), self.routed, a_snapshot(3))

        assert (ticket.assignee, ticket.assignee_by, ticket.team) == (MAYA, "routing", BILLING)

    def test_our_echo_is_not_a_change_by_hand(self):
        ticket = folded(a_snapshot(1), self.routed, a_snapshot(3, assignee=MAYA, team=BILLING))

        assert (ticket.assignee, ticket.assignee_by) == (MAYA, "routing")

    def test_somebody_else_was_chosen_by_hand(self):
        ticket = folded(a_snapshot(1), self.routed, a_snapshot(3, assignee=MAYA), a_snapshot(4, assignee=OLEG))

        assert (ticket.assignee, ticket.assignee_by) == (OLEG, "source")

    def test_nobody_after_our_echo_was_done_by_hand(self):
        shown = a_snapshot(3, assignee=MAYA, team=BILLING)
        ticket = folded(a_snapshot(1), self.routed, shown, a_snapshot(4))

        assert (ticket.assignee, ticket.assignee_by, ticket.team) == (None, "source", None)

    def test_a_person_chosen_before_our_decision_but_heard_of_later_wins(self):
        ticket = folded(a_snapshot(0), self.routed, a_snapshot(1, assignee=OLEG))

        assert (ticket.assignee, ticket.assignee_by) == (OLEG, "source")


class TestRecord:
    def test_a_mail_alone_makes_a_ticket(self):
        mail = a_message(1, subject="Order 1042", text="It never arrived.\nRegards", content_type="incoming_email")
        ticket = folded(mail, key=TicketKey("email", "root@x"))

        assert (ticket.subject, ticket.channel, ticket.requester) == ("Order 1042", "email", LENA)
        assert (ticket.status, ticket.missing, ticket.created_at) == (Status.TRIAGED, (), at(1))

    def test_the_subject_is_the_beginning_of_the_first_text(self):
        ticket = folded(a_snapshot(0), a_message(2, text="second"), a_message(1, text=f"  first\n{'x' * 200}"))

        assert ticket.subject.startswith("first xxx")
        assert len(ticket.subject) == 120
        assert ticket.subject.endswith("…")

    def test_a_quoted_text_serves_until_the_message_is_heard_of(self):
        quoted = a_snapshot(1, text="refund please")

        assert folded(quoted).category == "billing"
        assert folded(quoted, a_message(1, text="parcel lost")).category == "shipping"

    def test_what_is_missing_is_listed_and_the_ticket_is_made_all_the_same(self):
        ticket = folded(a_snapshot(1, requester=None, channel=""))

        assert ticket.missing == ("requester", "channel", "subject")
        assert ticket.status is Status.TRIAGED

    def test_the_latest_answer_of_each_survey_counts(self):
        ticket = folded(a_snapshot(1), an_answer(5, 3), an_answer(9, 5, feedback="better"), an_answer(2, 5))

        assert ticket.answers == (("9013", 5, "better"),)
        assert ticket.asked_upstream

    def test_waiting_since_the_first_message_nobody_answered(self):
        facts = [a_snapshot(0), a_message(1), a_reply(2), a_message(3), a_message(4)]

        assert folded(*facts).waiting_since == at(3)
        assert folded(*facts, a_snapshot(5, "resolved")).waiting_since is None
        assert folded(*facts, a_snapshot(5, "resolved"), a_message(6)).waiting_since == at(6)

    def test_no_facts_are_no_ticket(self):
        with pytest.raises(ValueError, match="without facts"):
            folded()


class TestClocks:
    def clock(self, metric, *facts, **given):
        return next((clock for clock in folded(*facts, **given).clocks if clock.metric == metric), None)

    def test_an_auto_reply_starts_and_restarts_nothing(self):
        auto = a_message(1, auto_reply=True)
        ticket = folded(a_snapshot(0), auto)

        assert (ticket.auto_only, ticket.clocks, ticket.waiting_since) == (True, (), None)
        answered = [a_snapshot(0), a_message(1), a_reply(2)]
        assert folded(*answered, a_message(3, auto_reply=True)).clocks == folded(*answered).clocks

    def test_a_conversation_begun_by_an_autoresponder_has_none_before_its_message_is_heard_of(self):
        assert folded(a_snapshot(1, auto_reply=True)).clocks == ()
        assert folded(a_snapshot(1, auto_reply=True), a_message(2)).clocks != ()

    def test_time_with_the_bot_is_not_counted(self):
        bot = [a_message(0), a_snapshot(1, "pending")]

        assert self.clock("first_response", *bot, as_of=at(500)).breached_at is None
        handed_over = self.clock("first_response", *bot, a_snapshot(30, "open"), as_of=at(31))
        assert handed_over.deadline_at == at(90)

    def test_an_agent_who_wrote_first_owes_no_first_response(self):
        assert self.clock("first_response", a_snapshot(1), a_reply(0.05)) is None
        assert self.clock("first_response", a_snapshot(1), a_reply(5)).met_at == at(5)

    def test_an_old_conversation_gets_clocks_only_from_the_next_message(self):
        old = [a_snapshot(0), a_message(0), a_reply(10)]

        adopted = a_policy(clocks_from=at(100))
        assert folded(*old, policy=adopted).clocks == ()
        clocks = folded(*old, a_message(120), policy=adopted, as_of=at(121)).clocks
        assert {clock.started_at for clock in clocks} == {at(120)}
        younger = a_policy(clocks_from=T0 - timedelta(days=1))
        assert folded(*old, policy=younger).clocks == folded(*old).clocks

    def test_the_team_that_routing_chose_picks_the_policy(self):
        policy = a_policy(sla=(an_sla(name="money", teams=("billing",)), an_sla()))
        routed = Routed(1, at(2), "rule", BILLING, None, "because")

        assert {clock.policy for clock in folded(a_snapshot(1), routed, policy=policy).clocks} == {"money"}
