from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import (
    KEY,
    a_message,
    a_policy,
    a_reply,
    a_snapshot,
    at,
)
from worker.domain.facts import Author
from worker.domain.fold import fold
from worker.domain.ticket import Resolution, Status

POLICY = a_policy()
LATER = at(1000)


def folded(*facts, as_of=LATER, **given):
    return fold(given.pop("key", KEY), facts, given.pop("policy", POLICY), as_of=as_of, **given)


class TestStatus:
    @pytest.mark.parametrize(
        ("facts", "status"),
        [
            ([a_snapshot(1, "open")], Status.TRIAGED),
            ([a_snapshot(1, "open"), a_reply(2)], Status.IN_PROGRESS),
            ([a_reply(2), a_snapshot(3, "open")], Status.IN_PROGRESS),
            ([a_snapshot(1, "open"), a_snapshot(2, "snoozed")], Status.PENDING_CUSTOMER),
            ([a_snapshot(1, "snoozed"), a_snapshot(2, "open")], Status.IN_PROGRESS),
            ([a_snapshot(1, "resolved")], Status.RESOLVED),
            ([a_snapshot(1, "pending")], Status.NEW),
            ([a_snapshot(1, "open"), a_reply(2), a_snapshot(3, "pending")], Status.IN_PROGRESS),
            ([a_message(1)], Status.TRIAGED),
            ([a_reply(1)], Status.IN_PROGRESS),
            ([a_snapshot(1, "a word of tomorrow")], Status.NEW),
            ([a_snapshot(2, "resolved"), a_snapshot(3, "pending")], Status.IN_PROGRESS),
        ],
    )
    def test_it_follows_the_snapshots_and_the_humans(self, facts, status):
        assert folded(*facts).status is status

    @pytest.mark.parametrize(
        "message",
        [
            a_reply(2, private=True),
            a_reply(2, author=Author.BOT),
            a_reply(2, author=Author.OWN),
            a_reply(2, author=Author.SYSTEM),
            a_reply(2, auto_reply=True),
        ],
    )
    def test_notes_bots_and_our_own_messages_change_nothing(self, message):
        quiet = folded(a_snapshot(1))
        noisy = folded(a_snapshot(1), message)

        assert (noisy.status, noisy.edges, noisy.clocks) == (quiet.status, quiet.edges, quiet.clocks)

    def test_every_edge_names_its_cause(self):
        resolve = a_snapshot(5, "resolved")
        ticket = folded(a_snapshot(1), a_reply(3), resolve)

        assert [(edge.after, edge.cause) for edge in ticket.edges] == [
            (Status.TRIAGED, a_snapshot(1).key),
            (Status.IN_PROGRESS, "message:r3"),
            (Status.RESOLVED, resolve.key),
        ]

    def test_a_first_reply_told_by_a_snapshot_counts_without_its_message(self):
        ticket = folded(a_snapshot(1), a_snapshot(9, first_reply_at=at(5)))

        assert ticket.status is Status.IN_PROGRESS
        assert next(c for c in ticket.clocks if c.metric == "first_response").met_at == at(5)

    def test_our_own_message_is_no_first_reply_even_if_the_snapshot_says_so(self):
        ours = a_reply(5, author=Author.OWN)
        ticket = folded(a_snapshot(1), ours, a_snapshot(9, first_reply_at=at(5)))

        assert ticket.status is Status.TRIAGED


class TestReopening:
    def test_a_customers_reply_reopens(self):
        ticket = folded(a_snapshot(1), a_snapshot(10, "resolved"), a_message(20))

        assert ticket.status is Status.IN_PROGRESS
        assert ticket.reopen_count == 1
        assert ticket.resolutions == (Resolution(1, at(10), at(20)),)

    @pytest.mark.parametrize("message", [a_message(20, auto_reply=True), a_reply(20), a_message(5)])
    def test_auto_replies_agents_and_older_messages_do_not(self, message):
        ticket = folded(a_message(0), a_snapshot(1), a_snapshot(10, "resolved"), message)

        assert ticket.status is Status.RESOLVED
        assert ticket.reopen_count == 0

    def test_message_and_open_snapshot_are_one_reopening(self):
        ticket = folded(a_snapshot(10, "resolved"), a_message(20), a_snapshot(20.1, "open"))

        assert (ticket.status, ticket.reopen_count) == (Status.IN_PROGRESS, 1)

    def test_a_snapshot_taken_between_the_reply_and_the_reopening_is_no_new_resolve(self):
        between = a_snapshot(20.1, "resolved", waiting_since=at(20))
        ticket = folded(a_snapshot(10, "resolved"), a_message(20), between, a_snapshot(20.2, "open"))

        assert (ticket.status, ticket.reopen_count, len(ticket.resolutions)) == (Status.IN_PROGRESS, 1, 1)

    def test_a_snapshot_from_just_before_the_reply_is_no_new_resolve(self):
        before = a_snapshot(20, "resolved", at=at(20) + timedelta(microseconds=300), labels=("refund",))
        opened = a_snapshot(20, "open", at=at(20) + timedelta(microseconds=600))
        ticket = folded(a_snapshot(10, "resolved"), before, a_message(20), opened)

        assert (ticket.status, ticket.reopen_count) == (Status.IN_PROGRESS, 1)
        assert ticket.resolutions == (Resolution(1, at(10), at(20)),)

    def test_a_resolve_in_the_millisecond_of_the_reply_counts_once_the_opening_was_shown(self):
        opened = a_snapshot(20, "open", at=at(20) + timedelta(microseconds=300))
        resolved = a_snapshot(20, "resolved", at=at(20) + timedelta(microseconds=600))
        ticket = folded(a_snapshot(10, "resolved"), a_message(20), opened, resolved)

        assert (ticket.status, len(ticket.resolutions)) == (Status.RESOLVED, 2)

    def test_a_resolve_from_a_millisecond_after_the_reply_counts_without_it(self):
        resolved = a_snapshot(20, "resolved", at=at(20) + timedelta(milliseconds=1))
        ticket = folded(a_snapshot(10, "resolved"), a_message(20), resolved)

        assert (ticket.status, len(ticket.resolutions)) == (Status.RESOLVED, 2)

    def test_a_second_resolve_is_recorded_even_if_the_opening_was_not_heard_of(self):
        ticket = folded(a_snapshot(10, "resolved"), a_message(20), a_snapshot(30, "resolved"))

        assert ticket.status is Status.RESOLVED
        assert ticket.resolutions == (Resolution(1, at(10), at(20)), Resolution(2, at(30)))

    def test_the_twins_of_one_save_are_one_resolution(self):
        twin = a_snapshot(10, "resolved", digest="a")
        ticket = folded(a_snapshot(1), twin, replace(twin, digest="b"), a_snapshot(11, "resolved", labels=("x",)))

        assert len(ticket.resolutions) == 1

    def test_the_later_registers_win_whatever_came_first(self):
        opened, resolved = a_snapshot(20, "open"), a_snapshot(10, "resolved")

        assert folded(opened, resolved) == folded(resolved, opened)
        assert folded(opened, resolved).status is Status.IN_PROGRESS
