"""A task ends well before it would be killed, however short the lease: what is killed leaves suspects behind."""

from __future__ import annotations

from types import ModuleType

import pytest
from celery import Celery

from worker.celery_app import QUEUES
from worker.tasks import fire_timers, process_deliveries, state


class TestDrainShare:
    @pytest.mark.parametrize("lease_seconds", [2, 3, 30, 3600])
    @pytest.mark.parametrize(
        ("module", "works", "kind"), [(process_deliveries, "drain", "deliveries"), (fire_timers, "fire_due", "timers")]
    )
    def test_it_drains_for_less_than_half_of_its_time(
        self, module: ModuleType, works: str, kind: str, lease_seconds: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[float] = []
        monkeypatch.setattr(module, works, lambda _desk, *, seconds: given.append(seconds))
        monkeypatch.setattr(state, "desk", lambda: None)
        app = Celery("test", set_as_current=False)
        module.register(app, hard_limit=lease_seconds * 2 / 3)
        task = app.tasks[QUEUES[kind]]

        task([])

        assert len(given) == 1
        assert 0 < given[0] < task.time_limit / 2
        assert given[0] <= 8
