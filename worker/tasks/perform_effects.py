"""hookdesk.perform_effects: do what the decisions ask of Chatwoot."""

from __future__ import annotations

from celery import Celery

from worker.performing import perform_due
from worker.tasks import state
from worker.tasks.base import DrainTask

DRAIN_SECONDS = 15.0
HARD_LIMIT_SECONDS = 55  # below the lease of 60 s


def register(app: Celery) -> None:
    """Add the task to this application."""

    @app.task(base=DrainTask, name="hookdesk.perform_effects", time_limit=HARD_LIMIT_SECONDS, shared=False)
    def perform_effects(ids: list[int]) -> int:
        """`ids` are hints; a cancelled or finished effect is a no-op."""
        desk = state.desk()
        return perform_due(desk.db, state.client, desk.policy, desk.settings, seconds=DRAIN_SECONDS)
