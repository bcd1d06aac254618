"""The retry policy as a table: exact waits without jitter, bounds with it, and what each kind of error means."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.retry import (
    CHATWOOT,
    MAIL_OUT,
    PROCESSING,
    SCHEDULES,
    STORE_WAITS,
    WEBHOOK_OUT,
    Bury,
    Cancel,
    RetryIn,
    Schedule,
    decide,
)
from worker.errors import AccessError, Gone, PermanentError, TransientError, Unparsable
from worker.policy_page import render, span

MINUTE, HOUR = 60, 3600
NOMINAL = {
    "chatwoot": [2, 4, 8, 16, 32, 64, 128, 256, 900, 1800, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR],
    "webhook_out": [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
    "mail_out": [60, 300, 900, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR],
    "processing": [2, 30, 300],
}
ages = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))
draws = st.floats(min_value=0, max_value=1)
schedules = st.sampled_from(sorted(SCHEDULES.values(), key=lambda each: each.name))


def after(error: Exception, *, attempt: int = 1, draw: float = 0.5, schedule: Schedule = CHATWOOT, hours: float = 0):
    return decide(error, attempt=attempt, age=timedelta(hours=hours), draw=draw, schedule=schedule)


class TestSchedules:
    @pytest.mark.parametrize("name", NOMINAL)
    def test_they_wait_exactly_this_long_without_jitter(self, name: str) -> None:
        schedule = SCHEDULES[name]

        waits = [schedule.seconds(attempt, draw=None) for attempt in range(1, schedule.tries)]

        assert waits == NOMINAL[name]

    def test_there_are_no_others(self) -> None:
        assert set(SCHEDULES) == set(NOMINAL)

    def test_the_tries_are_one_more_than_the_waits(self) -> None:
        assert (CHATWOOT.tries, WEBHOOK_OUT.tries, MAIL_OUT.tries, PROCESSING.tries) == (16, 10, 8, 4)

    @pytest.mark.parametrize(("draw", "seconds"), [(0.0, 8.0), (0.5, 12.0), (1.0, 16.0)])
    def test_the_fast_tier_is_half_fixed_and_half_random(self, draw: float, seconds: float) -> None:
        assert CHATWOOT.seconds(4, draw=draw) == seconds

    @pytest.mark.parametrize(("draw", "seconds"), [(0.0, 720.0), (0.5, 900.0), (1.0, 1080.0)])
    def test_the_slow_tier_varies_by_a_fifth(self, draw: float, seconds: float) -> None:
        assert CHATWOOT.seconds(9, draw=draw) == pytest.approx(seconds)

    @given(schedule=schedules)
    def test_without_jitter_a_wait_is_never_shorter_than_the_one_before(self, schedule: Schedule) -> None:
        waits = [schedule.seconds(attempt, draw=None) for attempt in range(1, schedule.tries)]

        assert waits == sorted(waits)

    @given(schedule=schedules, attempt=st.integers(1, 15), draw=draws)
    def test_with_jitter_a_wait_stays_within_its_bounds(self, schedule: Schedule, attempt: int, draw: float) -> None:
        wait = schedule.waits[min(attempt, len(schedule.waits)) - 1]

        drawn = schedule.seconds(attempt, draw=draw)

        assert wait.seconds * wait.jitter.low <= drawn <= wait.seconds * wait.jitter.high


class TestTransient:
    @pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(NOMINAL["chatwoot"][:8], start=1)))
    def test_it_follows_the_schedule(self, attempt: int, seconds: float) -> None:
        assert after(TransientError("server_error"), attempt=attempt, draw=1.0) == RetryIn(seconds, "server_error")

    def test_the_sixteenth_failure_is_the_last(self) -> None:
        assert isinstance(after(TransientError("timeout"), attempt=15), RetryIn)
        assert after(TransientError("timeout"), attempt=16) == Bury("timeout")

    def test_three_days_are_enough(self) -> None:
        assert isinstance(after(TransientError("timeout"), hours=71.9), RetryIn)
        assert after(TransientError("timeout"), hours=72) == Bury("timeout")

    def test_other_schedules_know_no_age(self) -> None:
        verdict = after(TransientError("timeout"), schedule=WEBHOOK_OUT, hours=1000)

        assert isinstance(verdict, RetryIn)

    @given(attempt=st.integers(1, 15), age=ages, draw=draws)
    def test_it_always_ends_in_a_positive_wait_below_ten_hours(self, attempt: int, age: timedelta, draw: float) -> None:
        verdict = decide(TransientError("x"), attempt=attempt, age=age, draw=draw, schedule=CHATWOOT)

        assert isinstance(verdict, RetryIn)
        assert 1 <= verdict.seconds <= 9.6 * HOUR


class TestHints:
    def test_a_longer_hint_wins(self) -> None:
        assert after(TransientError("rate_limited", status=429, retry_after=120), draw=0.0) == RetryIn(
            120, "rate_limited"
        )

    def test_a_shorter_hint_does_not(self) -> None:
        verdict = after(TransientError("unavailable", status=503, retry_after=3), attempt=8, draw=0.0)

        assert verdict == RetryIn(256, "unavailable")

    def test_a_hint_beyond_an_hour_counts_as_an_hour(self) -> None:
        assert after(TransientError("unavailable", status=503, retry_after=86_400), draw=0.0) == RetryIn(
            3600, "unavailable"
        )

    @given(hint=st.floats(0, 3600), draw=draws, attempt=st.integers(1, 15))
    def test_jitter_only_adds_after_a_hint(self, hint: float, draw: float, attempt: int) -> None:
        verdict = after(TransientError("x", status=429, retry_after=hint), draw=draw, attempt=attempt)

        assert isinstance(verdict, RetryIn)
        least = max(hint, NOMINAL["chatwoot"][attempt - 1])
        assert least <= verdict.seconds <= least * 1.2 + 1e-6

    @pytest.mark.parametrize(
        "error",
        [
            TransientError("rate_limited", status=429),
            TransientError("unavailable", status=503),
            TransientError("message_limit", status=422),
        ],
        ids=["429", "503", "422 of the message limit"],
    )
    def test_crowding_without_a_hint_waits_a_minute(self, error: TransientError) -> None:
        assert after(error, draw=0.0) == RetryIn(60, error.cause)
        assert after(error, draw=1.0) == RetryIn(72, error.cause)

    def test_a_500_does_not(self) -> None:
        assert after(TransientError("server_error", status=500), draw=1.0) == RetryIn(2, "server_error")


class TestFinal:
    @pytest.mark.parametrize("status", [400, 405, 409, 410, 422])
    def test_a_refusal_is_buried_at_once(self, status: int) -> None:
        assert after(PermanentError("refused", status=status)) == Bury("refused")

    def test_what_nobody_understands_is_buried_at_once(self) -> None:
        assert after(Unparsable("not JSON"), schedule=PROCESSING) == Bury("unparsable")

    def test_forbidden_is_buried_once_access_as_such_works(self) -> None:
        assert after(AccessError("forbidden", status=403)) == Bury("forbidden")

    def test_chatwoots_own_404_cancels(self) -> None:
        assert after(AccessError("not_found", status=404, ours=True)) == Cancel("gone")

    def test_what_is_gone_cancels(self) -> None:
        assert after(Gone("gone")) == Cancel("gone")

    def test_a_webhook_target_may_refuse_four_times(self) -> None:
        refused = PermanentError("refused", status=404)

        assert isinstance(after(refused, attempt=3, schedule=WEBHOOK_OUT), RetryIn)
        assert after(refused, attempt=4, schedule=WEBHOOK_OUT) == Bury("refused")

    def test_a_webhook_target_that_is_gone_may_not(self) -> None:
        assert after(PermanentError("refused", status=410), schedule=WEBHOOK_OUT) == Bury("refused")


class TestUnexpected:
    @pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 30), (3, 300)])
    def test_a_bug_gets_three_more_chances(self, attempt: int, seconds: float) -> None:
        verdict = after(KeyError("x"), attempt=attempt, schedule=PROCESSING)

        assert verdict == RetryIn(pytest.approx(seconds), "error")

    def test_and_then_a_person(self) -> None:
        assert after(KeyError("x"), attempt=4, schedule=PROCESSING) == Bury("error")


class TestStoreAway:
    @pytest.mark.parametrize("attempt", [1, 5, 6, 7, 1000, 10**6])
    def test_it_goes_on_for_ever_and_uses_no_try(self, attempt: int) -> None:
        verdict = after(TransientError("store_away"), attempt=attempt, schedule=PROCESSING, hours=24 * 365)

        assert isinstance(verdict, RetryIn)
        assert not verdict.uses_try
        assert verdict.seconds <= 30

    def test_it_grows_to_thirty_seconds(self) -> None:
        assert [STORE_WAITS.seconds(n, draw=None) for n in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]


class TestPage:
    def test_the_stored_page_is_the_table(self) -> None:
        stored = Path(__file__).parents[3] / "runbooks" / "retry-policy.md"

        assert stored.read_text("utf-8") == render(), (
            "write the output of `hookdesk policy` to runbooks/retry-policy.md"
        )

    @pytest.mark.parametrize(("seconds", "words"), [(2, "2 s"), (256, "4 m 16 s"), (900, "15 m"), (0, "0 s")])
    def test_it_says_spans_in_words(self, seconds: float, words: str) -> None:
        assert span(seconds) == words


class TestWebhookHints:
    """Standard Webhooks: a hint stretches the schedule, it does not replace it."""

    @pytest.mark.parametrize(
        ("attempt", "hint", "seconds"),
        [
            (2, 400, 400),  # between 5 and 10 minutes: as asked
            (2, 100, 300),  # never shorter than the schedule
            (2, 5000, 600),  # never longer than twice
            (8, 23 * HOUR, 23 * HOUR),
            (8, 50 * HOUR, 24 * HOUR),  # never beyond a day
            (9, 50 * HOUR, 24 * HOUR),
        ],
    )
    def test_a_hint_counts_between_once_and_twice_the_wait(self, attempt: int, hint: float, seconds: float) -> None:
        error = TransientError("server_error", status=500, retry_after=hint)

        assert after(error, attempt=attempt, draw=0.0, schedule=WEBHOOK_OUT) == RetryIn(seconds, "server_error")
        assert after(error, attempt=attempt, draw=1.0, schedule=WEBHOOK_OUT) == RetryIn(
            pytest.approx(seconds * 1.2), "server_error"
        )

    @pytest.mark.parametrize(
        "error",
        [
            TransientError("rate_limited", status=429),
            TransientError("server_error", status=502),
            TransientError("unavailable", status=503),
            TransientError("server_error", status=504),
            TransientError("timeout"),
            TransientError("rate_limited", status=429, retry_after=7),
        ],
        ids=["429", "502", "503", "504", "timeout", "429 with a short hint"],
    )
    def test_crowding_waits_a_minute(self, error: TransientError) -> None:
        assert after(error, draw=0.0, schedule=WEBHOOK_OUT) == RetryIn(60, error.cause)

    @pytest.mark.parametrize("error", [TransientError("server_error", status=500), TransientError("unreachable")])
    def test_other_failures_follow_the_schedule(self, error: TransientError) -> None:
        assert after(error, draw=0.5, schedule=WEBHOOK_OUT) == RetryIn(pytest.approx(5), error.cause)

    @pytest.mark.parametrize("status", [408, 425, 429])
    def test_what_may_improve_has_the_whole_schedule(self, status: int) -> None:
        error = TransientError("rate_limited", status=status)

        assert isinstance(after(error, attempt=9, schedule=WEBHOOK_OUT), RetryIn)
        assert after(error, attempt=10, schedule=WEBHOOK_OUT) == Bury("rate_limited")


class TestMail:
    def test_a_refused_mail_is_buried_at_once(self) -> None:
        assert after(PermanentError("refused", status=550), schedule=MAIL_OUT) == Bury("refused")

    @pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(NOMINAL["mail_out"], start=1)))
    def test_a_4xx_reply_follows_the_schedule(self, attempt: int, seconds: float) -> None:
        error = TransientError("later", status=450)

        assert after(error, attempt=attempt, schedule=MAIL_OUT) == RetryIn(pytest.approx(seconds), "later")

    def test_the_eighth_failure_is_the_last(self) -> None:
        assert after(TransientError("later", status=450), attempt=8, schedule=MAIL_OUT) == Bury("later")
