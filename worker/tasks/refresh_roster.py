"""hookdesk.refresh_roster: ask Chatwoot who works here and who is online."""

from __future__ import annotations

from celery import Celery

from worker.roster import refresh_roster
from worker.tasks import state
from worker.tasks.base import DrainTask
from worker.tasks.slot import chatwoot_slot


def register(app: Celery) -> None:
    """Add the task to this application."""

    @app.task(base=DrainTask, name="hookdesk.refresh_roster", time_limit=55, shared=False)
    def refresh(ids: list[int]) -> None:
        """A no-op when no Chatwoot is configured, or when somebody talks to it already: they see to it themselves."""
        desk, client = state.desk(), state.client()
        if client is None:
            return
        with chatwoot_slot(desk.settings) as is_ours:
            if is_ours:
                refresh_roster(desk.db, client, desk.policy)
