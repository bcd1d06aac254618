"""hookdesk.fire_timers: decide anew every ticket whose timer is due."""

from __future__ import annotations

from celery import Celery

from worker.firing import fire_due
from worker.tasks import state
from worker.tasks.base import DrainTask

DRAIN_SECONDS = 8.0  # then others get a turn; what is left is woken again


def register(app: Celery, *, hard_limit: float) -> None:
    """Add the task to this application; it is killed after `hard_limit` seconds, before its lease runs out."""

    @app.task(base=DrainTask, name="hookdesk.fire_timers", time_limit=hard_limit, shared=False)
    def fire_timers(ids: list[int]) -> int:
        """`ids` are hints; a cancelled or fired timer is a no-op."""
        return fire_due(state.desk(), seconds=DRAIN_SECONDS)
