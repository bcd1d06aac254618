"""hookdesk.fire_timers: decide anew every ticket whose timer is due."""

from __future__ import annotations

from celery import Celery

from worker.firing import fire_due
from worker.tasks import state
from worker.tasks.base import DrainTask

DRAIN_SECONDS = 8.0  # then others get a turn; what is left is woken again
DRAIN_SHARE = 0.4  # and at most this of its time, so that the last batch ends before the task is killed


def register(app: Celery, *, hard_limit: float) -> None:
    """Add the task to this application; it is killed after `hard_limit` seconds, before its lease runs out."""
    seconds = min(DRAIN_SECONDS, DRAIN_SHARE * hard_limit)

    @app.task(base=DrainTask, name="hookdesk.fire_timers", time_limit=hard_limit, shared=False)
    def fire_timers(ids: list[int]) -> int:
        """`ids` are hints; a cancelled or fired timer is a no-op."""
        return fire_due(state.desk(), seconds=seconds)
