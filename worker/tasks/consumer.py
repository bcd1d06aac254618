"""Celery's consumer, less patient: it looks for a broker that was away every few seconds, however long that was."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer.consumer import Consumer

LOOK_EVERY_SECONDS = 4  # kombu's own pause grows to 30 s, in which wake-ups are taken that nobody hears


class PromptConsumer(Consumer):  # type: ignore[misc]  # untyped there
    """Named in the settings of the application."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """Without the 28 queues that Celery makes for delays when it sees a quorum queue: here delays are rows."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step)

    def ensure_connected(self, conn: Any) -> Any:
        """A connection once there is one; Celery has no setting for the longest pause."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=LOOK_EVERY_SECONDS)
        return super().ensure_connected(conn)
