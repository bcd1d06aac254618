"""Which messages are nothing but "thanks, that solved it", and what the walk makes of them."""

from dataclasses import replace
from itertools import permutations

import pytest

from tests.builders import KEY, LENA, a_message, a_policy, a_reply, a_snapshot, at
from worker.domain.confirming import is_confirmation
from worker.domain.fold import fold
from worker.domain.policy import ClosingPolicy
from worker.domain.ticket import Status
from worker.policy_file import load_policy

CLOSING = load_policy(None).closing
POLICY = a_policy(closing=CLOSING)
RESOLVED = (a_snapshot(0), a_message(0), a_reply(5), a_snapshot(10, "resolved"))
THANKS = a_message(20, text="Thanks, that solved it!")


def folded(*facts, now=100):
    return fold(KEY, facts, POLICY, as_of=at(now))


class TestIsConfirmation:
    @pytest.mark.parametrize(
        "text",
        [
            "Thanks!",
            "thank you so much",
            "Thanks, that solved it.",
            "Great, it works now. Thank you very much! Best regards, Lena Fischer",
            "Problem solved",
            "All good now, you can close the ticket 👍",
            "It’s fixed, cheers",
        ],
    )
    def test_it_is(self, text):
        assert is_confirmation(a_message(text=text), CLOSING)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "👍",
            "ok",
            "Hello support team",
            "Thanks, but it still fails",
            "That did not solve it",
            "not solved",
            "Thanks. When will the refund arrive",
            "Is it fixed",
            "Thanks?",
            "It works now. One more thing: the invoice",
            "Thanks " + "very much " * 20,
            "Thanks, Maya",
        ],
    )
    def test_it_is_not(self, text):
        assert not is_confirmation(a_message(text=text), CLOSING)

    def test_the_writers_own_name_may_stand_below_it(self):
        assert is_confirmation(a_message(text="Thanks, Lena", by=LENA), CLOSING)
        assert not is_confirmation(a_message(text="Thanks, Lena", by=None), CLOSING)

    def test_without_words_or_closing_nothing_is(self):
        assert not is_confirmation(THANKS, ClosingPolicy())
        assert not is_confirmation(THANKS, replace(CLOSING, enabled=False))

    def test_the_limit_of_its_length(self):
        text = "thanks " + "very much " * 19

        assert len(text) == 197
        assert is_confirmation(a_message(text=f"{text}ok!"), CLOSING)
        assert not is_confirmation(a_message(text=f"{text}ok!!"), CLOSING)


class TestTheWalk:
    def test_it_reopens_nothing(self):
        ticket = folded(*RESOLVED, THANKS)

        assert (ticket.status, ticket.reopen_count, ticket.confirmed_at) == (Status.RESOLVED, 0, at(20))
        assert ticket.confirmations == (THANKS.key,)

    def test_any_other_message_does(self):
        ticket = folded(*RESOLVED, a_message(20, text="Thanks, but it still fails"))

        assert (ticket.status, ticket.confirmed_at, ticket.confirmations) == (Status.IN_PROGRESS, None, ())

    def test_nobody_waits_after_it_and_no_clock_starts(self):
        ticket = folded(*RESOLVED, THANKS)

        assert ticket.waiting_since is None
        assert {clock.key for clock in ticket.clocks} == {"first_response:1", "resolution:1"}
        assert ticket.customer_messages == 0

    def test_the_source_that_opens_the_conversation_for_it_is_not_believed(self):
        ticket = folded(*RESOLVED, THANKS, a_snapshot(20.01, "open"), a_snapshot(30, "open", labels=("x",)))

        assert (ticket.status, ticket.reopen_count, ticket.source_status) == (Status.RESOLVED, 0, "open")

    def test_nor_a_bot_that_gets_it(self):
        assert folded(*RESOLVED, THANKS, a_snapshot(20.01, "pending")).status is Status.RESOLVED

    def test_resolved_again_and_then_opened_by_hand_it_is_open(self):
        told = (*RESOLVED, THANKS, a_snapshot(20.01, "open"), a_snapshot(21, "resolved"))

        assert len(folded(*told).resolutions) == 1
        assert folded(*told, a_snapshot(40, "open")).status is Status.IN_PROGRESS

    def test_a_snapshot_from_before_the_source_opened_it_changes_nothing(self):
        told = (*RESOLVED, THANKS, a_snapshot(20.005, "resolved"), a_snapshot(20.01, "open"))

        assert folded(*told).status is Status.RESOLVED

    def test_who_snoozes_it_has_looked_at_it(self):
        told = (*RESOLVED, THANKS, a_snapshot(20.01, "open"), a_snapshot(25, "snoozed"))

        assert folded(*told).status is Status.PENDING_CUSTOMER

    def test_a_message_after_it_reopens(self):
        ticket = folded(*RESOLVED, THANKS, a_snapshot(20.01, "open"), a_message(21, text="Wait, it broke again"))

        assert (ticket.status, ticket.reopen_count, ticket.confirmed_at) == (Status.IN_PROGRESS, 1, None)
        assert ticket.waiting_since == at(21)

    def test_before_the_resolution_it_is_a_message_like_others(self):
        ticket = folded(a_snapshot(0), a_message(0), a_message(3, text="thanks"), a_snapshot(10, "resolved"))

        assert (ticket.confirmed_at, ticket.confirmations) == (None, ())

    def test_the_order_of_arrival_plays_no_part(self):
        told = (RESOLVED[0], RESOLVED[1], RESOLVED[3], THANKS, a_snapshot(20.01, "open"), a_message(21, text="Wait"))

        assert len({repr(folded(*some)) for some in permutations(told)}) == 1
