"""hookdesk.process_deliveries: drain the inbox."""

from __future__ import annotations

from celery import Celery

from worker.processing import drain
from worker.tasks import state
from worker.tasks.base import DrainTask

DRAIN_SECONDS = 8.0  # then others get a turn; what is left is woken again
DRAIN_SHARE = 0.4  # and at most this of its time, so that the last batch ends before the task is killed


def register(app: Celery, *, hard_limit: float) -> None:
    """Add the task to this application; it is killed after `hard_limit` seconds, before its lease runs out."""
    seconds = min(DRAIN_SECONDS, DRAIN_SHARE * hard_limit)

    @app.task(base=DrainTask, name="hookdesk.process_deliveries", time_limit=hard_limit, shared=False)
    def process_deliveries(ids: list[int]) -> int:
        """`ids` are hints; unknown or finished ones are no-ops."""
        return drain(state.desk(), seconds=seconds)
