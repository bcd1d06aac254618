"""The one class behind every task: a wake-up may be late, doubled or about nothing, and a database may be away.

A task carries ids only as hints. It drains what is due for a bounded time and, if that was not enough, sends one more
wake-up. It never retries through Celery: what is not finished stays due in SQL, and the scheduler wakes it again.
"""

from __future__ import annotations

from typing import Any

from celery import Task

from worker import log, metrics
from worker.store.database import is_connection_lost

logger = log.get(__name__)


class DrainTask(Task):  # type: ignore[misc]  # Celery has no types
    """Runs `run`; a lost database connection is an outage, not a failure: the rows wait, the task ends."""

    abstract = True
    ignore_result = True
    max_retries = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.name.removeprefix("hookdesk.")
        try:
            return super().__call__(*args, **kwargs)
        except Exception as exc:  # whatever it is, the rows are still due; Celery must not see it and drop or retry
            reason = "store_away" if is_connection_lost(exc) else "error"
            metrics.TASK_FAILURES.labels(task=name, reason=reason).inc()
            if reason == "error":
                logger.exception("task_failed", task=name)
            else:
                logger.warning("database_away", task=name, error=type(exc).__name__)
            return None
