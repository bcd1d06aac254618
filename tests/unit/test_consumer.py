"""How soon a worker is back after the broker."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from worker.celery_app import make_app
from worker.tasks.consumer import LOOK_EVERY_SECONDS, PromptConsumer


class Connection:
    """Remembers how it was asked to connect."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def ensure_connection(self, *_: Any, **options: Any) -> Connection:
        self.asked = options
        return self


class TestPromptConsumer:
    def test_its_pauses_do_not_grow_to_half_a_minute(self) -> None:
        connection = Connection()
        consumer = PromptConsumer.__new__(PromptConsumer)  # a whole one needs a pool and a broker
        consumer.app, consumer.first_connection_attempt = make_app("memory://", "worker"), False
        consumer.broker_connection_retry_attempt = 0

        consumer.ensure_connected(connection)

        assert connection.asked["interval_max"] == LOOK_EVERY_SECONDS

    def test_the_worker_uses_it(self) -> None:
        module, _, name = make_app("memory://", "worker").conf.worker_consumer.partition(":")

        assert getattr(import_module(module), name) is PromptConsumer
