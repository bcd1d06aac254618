"""Wake-ups: refused ones cost a moment and are remembered, accepted ones name their task."""

from __future__ import annotations

import threading

from worker.wake import MAX_IDS, PAUSE_SECONDS, Kind, Publisher, Waker


class Ticks:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Sink(Publisher):
    """Publishes into a list; blocks until released, so that wake-ups pile up behind it."""

    def __init__(self) -> None:
        super().__init__(None, origin="test")
        self.published: list[tuple[Kind, list[int]]] = []
        self.release = threading.Event()
        self.reached = threading.Semaphore(0)

    def publish(self, kind: Kind, ids: object, *, probe: bool = False) -> bool:
        self.published.append((kind, list(ids)))  # type: ignore[call-overload]
        self.reached.release()
        return self.release.wait(5)


class TestPublisher:
    def test_without_a_broker_it_refuses_and_says_since_when(self) -> None:
        clock = Ticks()
        publisher = Publisher(None, origin="test", monotonic=clock)
        assert publisher.refused_for() == 0.0

        assert publisher.publish("deliveries", [1]) is False

        clock.at += 7
        assert publisher.refused_for() == 7.0

    def test_after_a_refusal_it_does_not_try_until_the_pause_is_over(self) -> None:
        clock = Ticks()
        publisher = Publisher("redis://127.0.0.1:1/0", origin="test", monotonic=clock)
        attempts: list[int] = []
        publisher._send = lambda *_: attempts.append(1) or None  # type: ignore[method-assign,func-returns-value,assignment]

        publisher.publish("deliveries", [1])
        publisher.publish("deliveries", [2])
        assert len(attempts) == 1
        publisher.publish("deliveries", [3], probe=True)
        assert len(attempts) == 2
        clock.at += PAUSE_SECONDS
        publisher.publish("deliveries", [4])
        assert len(attempts) == 3

    def test_an_acceptance_ends_the_refusal(self) -> None:
        publisher = Publisher("redis://127.0.0.1:1/0", origin="test", monotonic=Ticks())
        answers = iter([None, "ok"])
        publisher._send = lambda *_: next(answers)  # type: ignore[method-assign,assignment]

        assert publisher.publish("deliveries", [1]) is False
        assert publisher.publish("deliveries", [1], probe=True) is True

        assert publisher.refused_since is None

    def test_a_broker_that_is_not_there_is_a_refusal_and_never_an_exception(self) -> None:
        publisher = Publisher("redis://127.0.0.1:1/0", origin="test")

        assert publisher.publish("effects", [1, 2]) is False

        publisher.close()


class TestWaker:
    def test_wake_ups_that_wait_together_become_one_and_close_sends_the_rest(self) -> None:
        sink = Sink()
        waker = Waker(sink)

        waker.wake("deliveries", [1])
        assert sink.reached.acquire(timeout=5)
        waker.wake("deliveries", [2])
        waker.wake("deliveries", [3, 4])
        sink.release.set()
        waker.close(timeout=5)

        assert sink.published == [("deliveries", [1]), ("deliveries", [2, 3, 4])]

    def test_ids_beyond_the_limit_are_left_to_the_sweep(self) -> None:
        sink = Sink()
        waker = Waker(sink)
        waker.wake("deliveries", [0])
        assert sink.reached.acquire(timeout=5)

        waker.wake("deliveries", list(range(MAX_IDS + 10)))
        waker.wake("deliveries", [5])
        sink.release.set()
        waker.close(timeout=5)

        assert len(sink.published[1][1]) == MAX_IDS

    def test_nothing_to_wake_publishes_nothing(self) -> None:
        sink = Sink()
        sink.release.set()
        waker = Waker(sink)

        waker.wake("effects", [])
        waker.close(timeout=5)

        assert sink.published == []
