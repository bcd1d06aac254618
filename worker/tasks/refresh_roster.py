"""hookdesk.refresh_roster: ask Chatwoot who works here and who is online."""

from __future__ import annotations

from celery import Celery

from worker.roster import refresh_roster
from worker.tasks import state
from worker.tasks.base import DrainTask


def register(app: Celery) -> None:
    """Add the task to this application."""

    @app.task(base=DrainTask, name="hookdesk.refresh_roster", time_limit=55, shared=False)
    def refresh(ids: list[int]) -> None:
        """A no-op when no Chatwoot is configured."""
        client = state.client()
        if client is not None:
            refresh_roster(state.desk().db, client)
