"""hookdesk.perform_effects: do what the decisions ask of Chatwoot."""

from __future__ import annotations

import time

from celery import Celery

from worker.performing import perform_due
from worker.roster import refresh_if_stale
from worker.tasks import state
from worker.tasks.base import DrainTask
from worker.tasks.slot import chatwoot_slot

DRAIN_SECONDS = 15.0
HARD_LIMIT_SECONDS = 55  # below the lease of 60 s


def register(app: Celery) -> None:
    """Add the task to this application."""

    @app.task(base=DrainTask, name="hookdesk.perform_effects", time_limit=HARD_LIMIT_SECONDS, shared=False)
    def perform_effects(ids: list[int]) -> int:
        """`ids` are hints; a cancelled or finished effect is a no-op."""
        desk = state.desk()
        with chatwoot_slot(desk.settings) as is_ours:
            if not is_ours:
                return 0  # who has it drains what is due; what is left then is woken again
            began = time.monotonic()
            performed = perform_due(desk.db, state.client, desk.policy, desk.settings, seconds=DRAIN_SECONDS)
            client = state.client()
            if client is not None and time.monotonic() - began < DRAIN_SECONDS:
                refresh_if_stale(desk.db, client, desk.policy)  # its own task may have found the slot taken
            return performed
