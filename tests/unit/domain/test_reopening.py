"""What a customer who comes back gets: in time the same agent and clocks, later new ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.builders import a_message, a_policy, a_reply, a_snapshot, an_sla, at, minutes
from tests.unit.domain.deciding import NEW, decided, events
from worker.domain.policy import Policy, ReopenPolicy
from worker.domain.reopening import Reopening, reopenings, restarts, wants_new_agent
from worker.domain.ticket import Clock, Resolution, Status, Ticket

TWO_HOURS = ReopenPolicy(window=timedelta(hours=2))
RESOLVED = (*NEW, a_reply(10), a_snapshot(20, "resolved"))
POLICY = a_policy(reopen=TWO_HOURS, score_rules=())


def reopened_at(minute: float, *more: object, policy: Policy = POLICY, now: float) -> Ticket:
    return decided(*RESOLVED, a_message(minute), *more, policy=policy, now=at(now)).ticket


def resolutions(ticket: Ticket) -> dict[str, Clock]:
    return {clock.key: clock for clock in ticket.clocks if clock.metric == "resolution"}


class TestWindow:
    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            (timedelta(0), (True, "same", "resume")),
            (timedelta(hours=2), (True, "same", "resume")),
            (timedelta(hours=2, microseconds=1), (False, "route", "restart")),
        ],
    )
    def test_it_is_counted_from_the_resolution(self, after: timedelta, expected: tuple[bool, str, str]) -> None:
        run = Resolution(3, at(0), at(0) + after)

        assert list(reopenings([run], TWO_HOURS)) == [Reopening(3, at(0) + after, *expected)]

    def test_each_reopening_is_judged_by_the_resolution_before_it(self) -> None:
        runs = [Resolution(1, at(0), at(500)), Resolution(2, at(510), at(520)), Resolution(3, at(600))]

        assert [one.is_within for one in reopenings(runs, TWO_HOURS)] == [False, True]
        assert restarts(runs, TWO_HOURS) == (at(500),)
        assert restarts(runs, replace(TWO_HOURS, clocks_within="restart")) == (at(500), at(520))
        assert restarts(runs, replace(TWO_HOURS, clocks_later="resume")) == ()


class TestAgent:
    late, early = (Resolution(1, at(0), at(121)),), (Resolution(1, at(0), at(119)),)

    @pytest.mark.parametrize(
        ("runs", "chosen_at", "expected"),
        [
            (late, None, True),
            (late, at(120), True),
            (late, at(121), False),  # at the reopening itself somebody was chosen
            (late, at(500), False),
            (early, at(0), False),
            ((), None, False),
            ((Resolution(1, at(0)),), None, False),
            ((*late, Resolution(2, at(130), at(131))), at(0), False),  # the last one counts
        ],
    )
    def test_only_a_late_reopening_asks_for_another_and_only_once(
        self, runs: tuple[Resolution, ...], chosen_at: datetime | None, expected: bool
    ) -> None:
        ticket = replace(reopened_at(30, now=31), resolutions=runs)

        assert wants_new_agent(ticket, TWO_HOURS, chosen_at=chosen_at) is expected

    def test_the_policy_may_turn_it_round(self) -> None:
        ticket = replace(reopened_at(30, now=31), resolutions=self.early)

        assert wants_new_agent(ticket, replace(TWO_HOURS, agent_within="route"), chosen_at=None)

    def test_what_is_resolved_again_needs_nobody(self) -> None:
        ticket = replace(reopened_at(30, now=31), resolutions=self.late, status=Status.RESOLVED)

        assert not wants_new_agent(ticket, TWO_HOURS, chosen_at=None)


class TestClocks:
    def test_within_the_window_the_clock_goes_on_and_the_time_it_was_resolved_does_not_count(self) -> None:
        found = resolutions(reopened_at(80, now=90))

        assert list(found) == ["resolution:1"]
        clock = found["resolution:1"]
        assert (clock.met_at, clock.started_at) == (None, at(0))
        assert [(span.why, span.counted_seconds) for span in clock.spans] == [
            ("running", 600),
            ("waiting_for_customer", 0),
            ("resolved", 0),
            ("running", 600),
        ]
        assert clock.deadline_at == at(80 + 590)

    def test_later_the_old_one_stays_met_and_another_begins_at_the_reopening(self) -> None:
        found = resolutions(reopened_at(200, now=210))

        assert (found["resolution:1"].met_at, found["resolution:1"].breached_at) == (at(20), None)
        assert (found["resolution:2"].started_at, found["resolution:2"].deadline_at) == (at(200), at(800))
        assert found["resolution:2"].met_at is None

    def test_a_restarted_one_is_met_by_its_own_resolution_and_may_go_on_after_it(self) -> None:
        again = reopened_at(200, a_snapshot(200, "open"), a_snapshot(250, "resolved"), now=260)
        once_more = reopened_at(
            200, a_snapshot(200, "open"), a_snapshot(250, "resolved"), a_message(260), a_snapshot(260, "open"), now=270
        )

        assert resolutions(again)["resolution:2"].met_at == at(250)
        assert list(resolutions(once_more)) == ["resolution:1", "resolution:2"]
        assert resolutions(once_more)["resolution:2"].met_at is None
        assert resolutions(once_more)["resolution:2"].deadline_at == at(810)

    def test_each_time_it_is_met_is_told(self) -> None:
        met = decided(*RESOLVED, policy=POLICY, now=at(21))
        again = (*RESOLVED, a_message(80), a_snapshot(80, "open"), a_snapshot(90, "resolved"))
        opened = decided(*again[:-1], before=met.ticket, policy=POLICY, now=at(81))
        second = decided(*again, before=opened.ticket, policy=POLICY, now=at(91))

        keys = [
            event.key
            for one in (met, second)
            for event in one.events
            if event.name == "sla.met" and event.data["clock"] == "resolution:1"
        ]
        assert keys == ["resolution:1:2026-06-18T09:20:00+00:00", "resolution:1:2026-06-18T10:30:00+00:00"]

    def test_a_new_clock_is_told_of(self) -> None:
        met = decided(*RESOLVED, policy=POLICY, now=at(21))
        decision = decided(*RESOLVED, a_message(200), before=met.ticket, policy=POLICY, now=at(201))

        started = [event.key for event in decision.events if event.name == "sla.started"]
        assert started == ["next_response:1", "resolution:2"]
        assert ("warning", "resolution:2:50") in {(timer.kind, timer.key) for timer in decision.timers}

    def test_a_promise_broken_before_stays_broken_whatever_priority_comes_with_the_reopening(self) -> None:
        slow = an_sla(name="slow", priorities=("low",), resolution=minutes(900))
        policy = replace(POLICY, sla=(slow, an_sla(name="fast", resolution=minutes(12))))
        facts = (a_snapshot(0, priority="high"), NEW[1], a_snapshot(15, "resolved", priority="high"))

        decision = decided(*facts, a_message(80), a_snapshot(80, priority="low"), policy=policy, now=at(81))

        assert resolutions(decision.ticket)["resolution:1"].breached_at == at(12)
        assert "sla.breached" in events(decision)
