"""Wake-ups do not pile up in the broker, however long a load goes on or nobody takes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.system import System, eventually
from worker import wake
from worker.broker_look import look
from worker.wake import Publisher


def waiting(system: System) -> int:
    return look(system.broker.url, seconds=5).lengths["deliveries"]


def a_publisher(system: System) -> Publisher:
    """Its queue is made: with RabbitMQ that may take longer than a wake-up may."""
    publisher = Publisher(system.broker.url, origin="web")
    eventually(lambda: publisher.publish("deliveries", [], probe=True))
    return publisher


@pytest.mark.every_broker
class TestWakeUps:
    def test_no_more_are_sent_than_enough_and_all_are_taken_for_sent(
        self, start: Callable[..., System], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wake, "ENOUGH", 20)
        monkeypatch.setattr(wake, "LOOK_SECONDS", 0.0)
        system = start("broker")
        publisher = a_publisher(system)

        taken = [publisher.publish("deliveries", [n]) for n in range(100)]
        before = waiting(system)
        probed = publisher.publish("deliveries", [], probe=True)
        publisher.close()

        assert set(taken) == {True}
        assert 20 <= before <= 22  # a RabbitMQ may count the last one a moment later
        assert probed
        assert waiting(system) == before + 1

    def test_they_are_sent_again_when_the_broker_has_lost_them(
        self, start: Callable[..., System], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wake, "ENOUGH", 5)
        monkeypatch.setattr(wake, "LOOK_SECONDS", 0.0)
        system = start("broker")
        publisher = a_publisher(system)
        assert all(publisher.publish("deliveries", [n]) for n in range(20))

        system.broker.empty()
        eventually(lambda: publisher.publish("deliveries", [1], probe=True))
        sent = publisher.publish("deliveries", [2])
        publisher.close()

        assert sent
        assert waiting(system) >= 2
