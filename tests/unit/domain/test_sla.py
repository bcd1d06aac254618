from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from worker.domain import sla
from worker.domain.policy import Calendar, SlaPolicy
from worker.domain.sla import Timeline
from worker.domain.ticket import Clock

MONDAY = datetime(2026, 6, 1, 8, tzinfo=UTC)
OFFICE = Calendar("office", "UTC", tuple((day, time(9), time(17)) for day in range(5)))


def m(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def a_policy(**changed: object) -> SlaPolicy:
    promises = {
        "first_response": timedelta(minutes=30),
        "next_response": timedelta(minutes=60),
        "resolution": timedelta(minutes=240),
    }
    return SlaPolicy(**{"name": "gold", "calendar": Calendar(), **promises, **changed})  # type: ignore[arg-type]


def clocks(story: Timeline, *, now: float, policy: SlaPolicy | None = None) -> dict[str, Clock]:
    return {clock.key: clock for clock in sla.clocks(story, policy or a_policy(), as_of=m(now))}


def spans(clock: Clock) -> list[tuple[str, float | None, float]]:
    """Why, until which minute, and how many minutes of it count."""
    return [
        (span.why, None if span.end is None else (span.end - MONDAY) / timedelta(minutes=1), span.counted_seconds / 60)
        for span in clock.spans
    ]


class TestFirstResponse:
    @pytest.mark.parametrize(
        ("replied", "now", "met", "breached"),
        [
            (None, 29.99, None, None),
            (None, 30, None, 30),  # due means breached: the timer that fires at the deadline must see it
            (None, 500, None, 30),
            (29, 500, 29, None),
            (30, 500, 30, None),  # at the deadline is in time
            (30.001, 500, 30.001, 30),
            (29, 10, 29, None),  # heard of before our own clock got there
        ],
    )
    def test_it_is_met_by_the_first_human_reply(
        self, replied: float | None, now: float, met: float | None, breached: float | None
    ) -> None:
        replies = () if replied is None else (m(replied), m(replied + 1))

        clock = clocks(Timeline(m(0), (m(0),), replies), now=now)["first_response:1"]

        assert clock.met_at == (None if met is None else m(met))
        assert clock.breached_at == (None if breached is None else m(breached))
        assert clock.deadline_at == m(30)

    def test_it_starts_with_the_customer_not_with_the_empty_conversation(self) -> None:
        clock = clocks(Timeline(m(0), (m(5), m(7))), now=10)["first_response:1"]

        assert (clock.started_at, clock.deadline_at) == (m(5), m(35))

    def test_it_starts_with_the_creation_while_no_message_is_known(self) -> None:
        assert clocks(Timeline(m(0)), now=10)["first_response:1"].started_at == m(0)

    def test_a_conversation_begun_by_an_agent_owes_none(self) -> None:
        found = clocks(Timeline(m(0), (m(5),), (m(0),)), now=10)

        assert list(found) == ["next_response:1", "resolution:1"]
        assert found["next_response:1"].started_at == m(5)

    def test_a_message_and_a_reply_of_the_same_instant_are_question_and_answer(self) -> None:
        found = clocks(Timeline(m(0), (m(0), m(5), m(9)), (m(0), m(9))), now=10)

        assert list(found) == ["first_response:1", "next_response:1", "resolution:1"]
        assert found["first_response:1"].met_at == m(0)
        assert found["next_response:1"].met_at == m(9)

    def test_a_pause_moves_the_deadline_and_hides_it_meanwhile(self) -> None:
        bot = Timeline(m(0), (m(0),), paused=((m(10), None, "with_bot"),))
        back = Timeline(m(0), (m(0),), paused=((m(10), m(50), "with_bot"),))

        during, after = clocks(bot, now=45)["first_response:1"], clocks(back, now=60)["first_response:1"]

        assert (during.deadline_at, during.breached_at, during.paused) == (None, None, True)
        assert (after.deadline_at, after.breached_at, after.paused) == (m(70), None, False)
        assert spans(after) == [("running", 10, 10), ("with_bot", 50, 0), ("running", None, 10)]

    @pytest.mark.parametrize("since", [30, 31])
    def test_a_pause_from_the_deadline_on_does_not_take_it_back(self, since: float) -> None:
        clock = clocks(Timeline(m(0), (m(0),), paused=((m(since), None, "snoozed"),)), now=45)["first_response:1"]

        assert (clock.deadline_at, clock.breached_at, clock.paused) == (m(30), m(30), True)

    def test_a_reply_meets_it_also_while_paused(self) -> None:
        story = Timeline(m(0), (m(0),), (m(90),), paused=((m(10), None, "with_bot"),))

        clock = clocks(story, now=500)["first_response:1"]

        assert (clock.met_at, clock.breached_at, clock.paused) == (m(90), None, False)
        assert clock.deadline_at == m(110)

    @pytest.mark.parametrize(("resolved", "breached"), [(20, None), (40, 30)])
    def test_resolving_without_a_word_meets_it(self, resolved: float, breached: float | None) -> None:
        clock = clocks(Timeline(m(0), (m(0),), resolved=((m(resolved), None),)), now=500)["first_response:1"]

        assert clock.met_at == m(resolved)
        assert clock.breached_at == (None if breached is None else m(breached))

    def test_the_office_hours_are_those_of_the_policy(self) -> None:
        clock = clocks(Timeline(m(0), (m(0),)), now=75, policy=a_policy(calendar=OFFICE))["first_response:1"]

        assert clock.deadline_at == m(90)
        assert spans(clock) == [("running", None, 15)]


class TestNextResponse:
    def test_each_wait_is_a_clock_of_its_own(self) -> None:
        story = Timeline(m(0), (m(0), m(20), m(25), m(100), m(210)), (m(10), m(30), m(31), m(200)))

        found = clocks(story, now=220)

        waits = [(key, c.started_at, c.met_at, c.breached_at) for key, c in found.items() if c.metric != "resolution"]
        assert waits == [
            ("first_response:1", m(0), m(10), None),
            ("next_response:1", m(20), m(30), None),
            ("next_response:2", m(100), m(200), m(160)),
            ("next_response:3", m(210), None, None),
        ]

    def test_resolving_ends_the_wait_and_a_later_message_begins_another(self) -> None:
        story = Timeline(m(0), (m(0), m(20), m(50)), (m(10),), resolved=((m(40), m(50)),))

        found = clocks(story, now=60)

        assert found["next_response:1"].met_at == m(40)
        assert (found["next_response:2"].started_at, found["next_response:2"].met_at) == (m(50), None)

    def test_a_message_to_a_resolved_ticket_waits_until_it_is_reopened(self) -> None:
        story = Timeline(m(0), (m(0), m(50)), (m(10),), resolved=((m(40), m(55)),))

        clock = clocks(story, now=60)["next_response:1"]

        assert spans(clock) == [("resolved", 55, 0), ("running", None, 5)]

    def test_the_ordinals_do_not_depend_on_the_targets(self) -> None:
        story = Timeline(m(0), (m(0), m(20)), (m(10),))

        assert list(clocks(story, now=30, policy=a_policy(first_response=None))) == ["next_response:1", "resolution:1"]


class TestResolution:
    def test_it_pauses_while_waiting_for_the_customer(self) -> None:
        clock = clocks(Timeline(m(0), (m(0), m(100)), (m(10), m(20))), now=110)["resolution:1"]

        assert spans(clock) == [("running", 10, 10), ("waiting_for_customer", 100, 0), ("running", None, 10)]
        assert clock.deadline_at == m(330)

    def test_it_does_not_if_the_policy_says_so(self) -> None:
        policy = a_policy(pause_while_waiting_for_customer=False)

        clock = clocks(Timeline(m(0), (m(0), m(100)), (m(10),)), now=110, policy=policy)["resolution:1"]

        assert spans(clock) == [("running", None, 110)]
        assert clock.deadline_at == m(240)

    def test_it_runs_on_after_a_reopening(self) -> None:
        resolved = Timeline(m(0), (m(0),), resolved=((m(60), None),))
        reopened = Timeline(m(0), (m(0), m(500)), resolved=((m(60), m(500)),))
        again = Timeline(m(0), (m(0), m(500)), resolved=((m(60), m(500)), (m(900), None)))

        first, second, third = (clocks(story, now=700)["resolution:1"] for story in (resolved, reopened, again))

        assert (first.met_at, first.breached_at, first.deadline_at) == (m(60), None, m(240))
        assert (second.met_at, second.breached_at) == (None, m(680))
        assert spans(second) == [("running", 60, 60), ("resolved", 500, 0), ("running", None, 200)]
        assert (third.met_at, third.breached_at) == (m(900), m(680))

    def test_of_several_reasons_the_strongest_is_named(self) -> None:
        story = Timeline(
            m(0),
            (m(0), m(90)),
            (m(10),),
            paused=((m(20), m(60), "snoozed"), (m(30), m(40), "with_bot"), (m(80), m(80), "with_bot")),
            resolved=((m(50), m(70)),),
        )

        assert spans(clocks(story, now=100)["resolution:1"]) == [
            ("running", 10, 10),
            ("waiting_for_customer", 20, 0),
            ("snoozed", 30, 0),
            ("with_bot", 40, 0),
            ("snoozed", 50, 0),
            ("resolved", 70, 0),
            ("waiting_for_customer", 90, 0),
            ("running", None, 10),
        ]

    def test_overlapping_and_backward_stretches_count_once_and_never(self) -> None:
        story = Timeline(
            m(0),
            paused=((m(10), m(30), "snoozed"), (m(20), m(40), "snoozed"), (m(70), m(50), "snoozed")),
            resolved=((m(90), None), (m(80), m(95))),
        )

        clock = clocks(story, now=100)["resolution:1"]

        assert spans(clock) == [("running", 10, 10), ("snoozed", 40, 0), ("running", 80, 40)]
        assert clock.met_at == m(80)


class TestClocks:
    def test_there_are_none_without_a_policy_or_without_a_person(self) -> None:
        assert sla.clocks(Timeline(m(0)), None, as_of=m(0)) == ()
        assert sla.clocks(Timeline(m(0), auto_only=True), a_policy(), as_of=m(0)) == ()

    def test_naive_times_are_refused(self) -> None:
        with pytest.raises(ValueError, match="without a zone"):
            sla.clocks(Timeline(m(0), (datetime(2026, 6, 1),)), a_policy(), as_of=m(0))  # noqa: DTZ001

    def test_the_hash_is_of_the_content_of_policy_and_calendar(self) -> None:
        days = [date(2026, 12, day) for day in (24, 25, 26, 31)]
        one = a_policy(calendar=replace(OFFICE, holidays=frozenset(days)))
        same = a_policy(calendar=replace(OFFICE, holidays=frozenset(reversed(days))))
        others = [a_policy(calendar=OFFICE), replace(one, next_response=None), replace(one, tiers=("gold",))]

        hashes = [clocks(Timeline(m(0)), now=0, policy=p)["first_response:1"].policy_hash for p in (one, same, *others)]

        assert hashes[0] == hashes[1]
        assert len(set(hashes)) == 4
        assert all(len(each) == 12 for each in hashes)

    @pytest.mark.parametrize(("share", "expected"), [(50, 105), (80, 114), (100, 120)])
    def test_a_share_of_the_target_is_reached_after_the_same_pauses(self, share: int, expected: float) -> None:
        story = Timeline(m(60), (m(60),), paused=((m(70), m(100), "with_bot"),))
        clock = clocks(story, now=101)["first_response:1"]

        assert sla.reached_at(clock, a_policy(), share=share) == m(expected)
