"""Outgoing events against a real receiver: what arrives, when it is tried again, and when a target is switched off."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.receiving import OLD_SECRET, SECRET, Reply, WebhookReceiver
from tests.unit.performers.telling import START, Bench, an_event, hours
from worker.performers.identity import lasting
from worker.store import breakers, targets

HOUR = 3600


@pytest.fixture
def event(bench: Bench, receiver: WebhookReceiver) -> int:
    """One event for the target crm, which is the receiver."""
    bench.target(receiver.url)
    (added,) = bench.add(an_event())
    return added


class TestArrival:
    def test_it_arrives_signed_with_its_ticket(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        bench.perform()

        (got,) = receiver.got
        assert json.loads(got.body) == {
            "type": "ticket.resolved",
            "timestamp": "2026-06-18T09:00:00Z",
            "data": {"ticket_id": bench.ticket_id, "resolution": 1},
        }
        assert got.headers["webhook-id"] == f"evt_{lasting(bench.effect(event))}"
        assert got.headers["webhook-timestamp"] == str(int(START.timestamp()))
        assert got.is_signed_with(SECRET)

    def test_what_was_answered_is_kept_and_no_secret(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        receiver.replies = [Reply(202, b"thanks")]

        bench.perform()

        stored = bench.effect(event)
        assert (stored.state, stored.result) == (
            "done", {"webhook_id": f"evt_{lasting(bench.effect(event))}", "status": 202, "said": "thanks"},
        )  # fmt: skip
        assert SECRET not in repr(stored)

    def test_the_id_stays_over_tries_and_the_time_does_not(
        self, bench: Bench, receiver: WebhookReceiver, event: int
    ) -> None:
        receiver.replies = [Reply(500), Reply(500), Reply(200)]

        bench.tries(event)

        assert {got.headers["webhook-id"] for got in receiver.got} == {f"evt_{lasting(bench.effect(event))}"}
        assert len({got.body for got in receiver.got}) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 3

    def test_while_a_secret_changes_both_sign(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        bench.set(event_secrets=(("", SECRET), ("", OLD_SECRET)))

        bench.perform()

        assert receiver.got[0].is_signed_with(SECRET)
        assert receiver.got[0].is_signed_with(OLD_SECRET)

    def test_a_targets_own_secret_signs_alone(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        bench.set(event_secrets=(("", SECRET), ("crm", OLD_SECRET)))

        bench.perform()

        assert receiver.got[0].is_signed_with(OLD_SECRET)
        assert not receiver.got[0].is_signed_with(SECRET)

    def test_one_tickets_events_arrive_in_order(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        bench.add(an_event(2))
        receiver.replies = [Reply(500), Reply(200)]

        bench.perform()
        assert len(receiver.got) == 1
        bench.clock.advance(6)
        bench.perform()

        assert [json.loads(got.body)["data"]["resolution"] for got in receiver.got] == [1, 1, 2]


class TestNoTarget:
    def test_a_target_that_left_the_policy(self, bench: Bench) -> None:
        (event,) = bench.add(an_event())

        bench.perform()

        assert (bench.effect(event).state, bench.effect(event).cause) == ("no_target", "no_target")

    def test_nothing_goes_out_unsigned(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        bench.set(event_secrets=(("shop", SECRET),))

        bench.perform()

        assert bench.effect(event).state == "no_target"
        assert receiver.got == []


class TestSchedule:
    def test_ten_tries_in_three_days(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        receiver.replies = [Reply(500)]

        waits = bench.tries(event)

        assert waits == [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
        assert (bench.effect(event).state, bench.effect(event).cause) == ("dead", "server_error")
        assert len(receiver.got) == 10

    @pytest.mark.parametrize(("draw", "first", "last"), [(0.0, 4, 19.2 * HOUR), (1.0, 6, 28.8 * HOUR)])
    def test_each_a_fifth_shorter_or_longer(
        self, bench: Bench, receiver: WebhookReceiver, event: int, draw: float, first: float, last: float
    ) -> None:
        receiver.replies, bench.draw = [Reply(500)], lambda: draw

        waits = bench.tries(event)

        assert (waits[0], waits[-1]) == (pytest.approx(first), pytest.approx(last))

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
    def test_a_refusal_gets_four_tries(self, bench: Bench, receiver: WebhookReceiver, event: int, status: int) -> None:
        receiver.replies = [Reply(status, b"no such thing")]

        assert bench.tries(event) == [5, 300, 1800]
        stored = bench.effect(event)
        assert (stored.state, stored.cause) == ("dead", "refused")
        assert stored.detail == f"the target crm refused it (HTTP {status}: no such thing)"

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 425, 429, 502])
    def test_what_may_improve_gets_all_ten(
        self, bench: Bench, receiver: WebhookReceiver, event: int, status: int
    ) -> None:
        receiver.replies = [Reply(status, headers={"Location": "http://127.0.0.1:1/"})]

        assert len(bench.tries(event)) == 9

    @pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
    def test_crowding_waits_a_minute_first(
        self, bench: Bench, receiver: WebhookReceiver, event: int, status: int
    ) -> None:
        receiver.replies = [Reply(status)]

        assert bench.tries(event, most=1) == [pytest.approx(66)]  # and a tenth of jitter, upward only

    def test_a_hint_stretches_the_wait_to_twice_at_most(
        self, bench: Bench, receiver: WebhookReceiver, event: int
    ) -> None:
        receiver.replies, bench.draw = [Reply(500), Reply(503, headers={"Retry-After": "100000"})], lambda: 0.0

        assert bench.tries(event, most=2) == [4, 600]

    def test_it_lives_long_enough_when_every_answer_asks_for_more_time(
        self, bench: Bench, receiver: WebhookReceiver, event: int
    ) -> None:
        receiver.replies, bench.draw = [Reply(503, headers={"Retry-After": "1000000"})], lambda: 1.0

        waits = bench.tries(event)

        assert len(waits) == 9
        assert sum(waits) / HOUR == pytest.approx(128.7, abs=0.3)
        assert len(receiver.got) == 10
        assert bench.effect(event).cause == "target_disabled"  # five days of failures, by now


class TestBreaker:
    def test_one_target_that_fails_does_not_hold_up_another(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.target("http://127.0.0.1:1/", "broken")
        bench.target(receiver.url)
        for n in range(12):
            ticket = bench.ticket(f"thread-{n}")
            bench.add(an_event(1, "broken"), an_event(1, "crm"), ticket_id=ticket)

        bench.perform()

        assert breakers.state(bench.db, "event:broken").is_open
        assert len(receiver.got) == 12

    def test_one_that_hangs_is_left_alone_after_the_first_time(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.target(receiver.url)
        receiver.replies = [Reply(408)]
        events = [bench.add(an_event(), ticket_id=bench.ticket(f"t{n}"))[0] for n in range(5)]

        bench.perform()

        assert len(receiver.got) == 1
        assert breakers.state(bench.db, "event:crm").is_open
        assert sorted(bench.effect(one).attempts for one in events) == [0, 0, 0, 0, 1]

    def test_one_that_answers_with_an_error_is_not(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.target(receiver.url)
        receiver.replies = [Reply(500)]
        for n in range(5):
            bench.add(an_event(), ticket_id=bench.ticket(f"t{n}"))

        bench.perform()

        assert len(receiver.got) == 5


class TestSwitchedOff:
    def test_410_switches_the_target_off_and_nothing_is_lost(
        self, bench: Bench, receiver: WebhookReceiver, event: int
    ) -> None:
        receiver.replies = [Reply(410, b"gone fishing")]
        other = bench.ticket("another")
        (later,) = bench.add(an_event(2), ticket_id=other)

        bench.perform()

        assert len(receiver.got) == 1
        assert targets.get(bench.db, "crm").cause == "it answered HTTP 410: gone fishing: it wants no more events"
        for one in (event, later):
            stored = bench.effect(one)
            assert (stored.state, stored.cause, stored.attempts) == ("no_target", "target_disabled", 0)
            assert "`hookdesk targets enable crm`" in str(stored.detail)

    def test_switched_on_again_everything_goes_out_under_its_id(
        self, bench: Bench, receiver: WebhookReceiver, event: int
    ) -> None:
        receiver.replies = [Reply(410), Reply(200)]
        bench.perform()

        targets.enable(bench.db, "crm", actor="cli:ops")
        bench.perform()

        assert bench.effect(event).state == "done"
        assert [got.headers["webhook-id"] for got in receiver.got] == [f"evt_{lasting(bench.effect(event))}"] * 2

    def test_five_days_of_only_failures_do_too(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.target(receiver.url)
        receiver.replies = [Reply(500)]
        for day in range(5):
            bench.add(an_event(day), ticket_id=bench.ticket(f"t{day}"))
            bench.perform()
            bench.clock.advance(START + hours(24 * (day + 1)) - bench.clock.now())
        assert targets.get(bench.db, "crm").disabled_at is None

        bench.perform()

        assert targets.get(bench.db, "crm").disabled_at == START + hours(120)

    def test_a_success_in_between_does_not(self, bench: Bench, receiver: WebhookReceiver, event: int) -> None:
        receiver.replies = [Reply(500), Reply(200)]
        bench.tries(event)

        stands = targets.get(bench.db, "crm")
        assert (stands.failures, stands.failing_since) == (0, None)
        assert stands.last_success_at == START + timedelta(seconds=5)

    def test_an_event_that_is_too_large_says_nothing_about_the_target(
        self, bench: Bench, receiver: WebhookReceiver
    ) -> None:
        bench.target(receiver.url)
        (event,) = bench.add(an_event(text="x" * 20_000))

        bench.perform()

        assert (bench.effect(event).state, bench.effect(event).cause) == ("dead", "too_large")
        assert targets.get(bench.db, "crm").failures == 0


class TestPrivate:
    def test_an_address_inside_is_refused_without_leave(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.target(receiver.url.replace("http://127.0.0.1", "https://127.0.0.1"), allow_private=False)
        (event,) = bench.add(an_event())

        bench.perform()

        stored = bench.effect(event)
        assert (stored.state, stored.cause) == ("retry", "address_refused")
        assert "127.0.0.1, which is this machine" in str(stored.detail)
        assert receiver.got == []
