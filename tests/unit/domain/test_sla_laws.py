from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain import sla_oracle
from worker.domain import calendar, sla
from worker.domain.policy import Calendar, SlaPolicy
from worker.domain.sla import Timeline
from worker.domain.timeline import Wait

DAYS = tuple((day, opens, closes) for day in range(7) for opens, closes in ((time(1), time(3)), (time(9), time(18))))
NIGHTS = tuple((day, time(20), time(0)) for day in range(7)) + tuple((day, time(0), time(2, 15)) for day in range(7))
CALENDARS = (
    Calendar(),
    Calendar("split", "Europe/Berlin", DAYS, frozenset({date(2026, 3, 30)})),
    Calendar("nights", "Australia/Lord_Howe", NIGHTS, frozenset({date(2026, 3, 28)})),
    Calendar("office", "America/New_York", DAYS[:10]),
)
BEGIN = datetime(2026, 3, 28, 22, tzinfo=UTC)
targets = st.none() | st.timedeltas(timedelta(0), timedelta(hours=9))
policies = st.builds(
    SlaPolicy,
    name=st.just("p"),
    calendar=st.sampled_from(CALENDARS),
    first_response=targets,
    next_response=targets,
    resolution=targets,
    pause_while_waiting_for_customer=st.booleans(),
)


def stretches(moments: list[datetime]) -> list[Wait]:
    """Disjoint ones, the last perhaps open."""
    ordered = sorted(moments)
    return [(start, ordered[i + 1] if i + 1 < len(ordered) else None) for i, start in enumerate(ordered) if i % 2 == 0]


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Stories of two days whose events often fall on the same instant."""
    some = st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda after: BEGIN + after)
    pool = st.sampled_from(draw(st.lists(some, min_size=1, max_size=10)))
    several = st.lists(pool, max_size=5)
    return Timeline(
        created_at=draw(pool),
        customer_messages=tuple(draw(several)),
        human_replies=tuple(draw(several)),
        paused=tuple((*each, why) for why in ("with_bot", "snoozed") for each in stretches(draw(several))),
        resolved=tuple(stretches(draw(several))),
    )


asked_at = st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda after: BEGIN + after)


class TestAgainstTheOracle:
    @settings(max_examples=300)
    @given(story=timelines(), policy=policies, as_of=asked_at)
    def test_every_clock_says_what_watching_would_have_seen(
        self, story: Timeline, policy: SlaPolicy, as_of: datetime
    ) -> None:
        expected = sla_oracle.verdicts(story, policy, as_of)

        found = {clock.key: clock for clock in sla.clocks(story, policy, as_of=as_of)}

        assert found.keys() == expected.keys()
        for key, clock in found.items():
            seconds = sum(timedelta(seconds=span.counted_seconds) // timedelta(microseconds=1) for span in clock.spans)
            seen = sla_oracle.Verdict(
                metric=clock.metric,
                ordinal=clock.ordinal,
                started_at=clock.started_at,
                met_at=clock.met_at,
                deadline_at=clock.deadline_at,
                breached_at=clock.breached_at,
                paused=clock.paused,
                counted=timedelta(microseconds=seconds),
            )
            assert seen == expected[key]

    @given(story=timelines(), policy=policies, as_of=asked_at)
    def test_every_span_is_explained_as_the_story_tells_it(
        self, story: Timeline, policy: SlaPolicy, as_of: datetime
    ) -> None:
        for clock in sla.clocks(story, policy, as_of=as_of):
            waits_count = clock.metric == "resolution" and policy.pause_while_waiting_for_customer
            ends = [clock.started_at]
            for span in clock.spans:
                assert span.start == ends[-1]
                assert span.why == sla_oracle.why(story, span.start, waits_count)
                assert span.counts is (span.why == "running")
                assert span.counts or span.counted_seconds == 0
                ends.append(span.end or as_of)
            assert clock.spans[-1].end == clock.met_at
            assert all(before.why != after.why for before, after in zip(clock.spans, clock.spans[1:], strict=False))


class TestLaws:
    @given(story=timelines(), policy=policies, as_of=asked_at, seed=st.integers(0, 2**32))
    def test_the_order_and_the_repetition_of_what_happened_do_not_matter(
        self, story: Timeline, policy: SlaPolicy, as_of: datetime, seed: int
    ) -> None:
        random = Random(seed)
        east = timezone(timedelta(hours=9))
        shuffled = replace(
            story,
            created_at=story.created_at.astimezone(east),
            customer_messages=tuple(random.choices(story.customer_messages, k=9)) + story.customer_messages[::-1]
            if story.customer_messages
            else (),
            human_replies=tuple(random.sample(story.human_replies * 2, k=2 * len(story.human_replies))),
            paused=tuple(random.sample(story.paused, k=len(story.paused))),
            resolved=story.resolved[::-1],
        )

        assert sla.clocks(shuffled, policy, as_of=as_of.astimezone(east)) == sla.clocks(story, policy, as_of=as_of)

    @given(story=timelines(), policy=policies, earlier=asked_at, later=asked_at)
    def test_time_alone_only_ever_breaches_at_a_deadline_that_was_announced(
        self, story: Timeline, policy: SlaPolicy, earlier: datetime, later: datetime
    ) -> None:
        before, after = (sla.clocks(story, policy, as_of=moment) for moment in sorted((earlier, later)))

        for old, new in zip(before, after, strict=True):
            assert new.deadline_at == old.deadline_at
            assert new.breached_at in ({old.breached_at} if old.breached_at else {None, old.deadline_at})

    @given(story=timelines(), policy=policies, as_of=asked_at)
    def test_the_whole_share_is_the_deadline(self, story: Timeline, policy: SlaPolicy, as_of: datetime) -> None:
        for clock in sla.clocks(story, policy, as_of=as_of):
            half = sla.reached_at(clock, policy, share=50)

            assert sla.reached_at(clock, policy, share=100) == clock.deadline_at
            assert clock.deadline_at is None or (half is not None and half <= clock.deadline_at)
            if half is not None and clock.met_at is None and len(clock.spans) == 1:
                used = calendar.open_time(policy.calendar, clock.started_at, half)
                assert used == timedelta(seconds=clock.target_seconds) * 50 / 100
