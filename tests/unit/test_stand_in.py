"""The process that performs effects while the broker is away: somebody has to look after it, too."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from worker.config import Settings
from worker.store import heartbeats
from worker.store.database import Database
from worker.tasks import main
from worker.tasks.stand_in import Beside


def sleep(_parent: int) -> None:
    time.sleep(60)


class TestBeside:
    def test_killed_it_is_started_anew_and_alive_it_is_left_alone(self) -> None:
        beside = Beside(sleep)
        try:
            first = beside.pid
            beside.tend()
            assert beside.pid == first

            assert first is not None
            os.kill(first, signal.SIGKILL)
            until = time.monotonic() + 20
            while beside.pid == first and time.monotonic() < until:
                beside.tend()

            assert beside.pid not in (None, first)
        finally:
            beside.end()


class TestHeartbeat:
    def test_beats_on_when_what_runs_beside_it_cannot_be_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = f"sqlite:///{tmp_path}/hookdesk.db"
        db = Database.open(url)
        db.migrate()
        monkeypatch.setattr(main, "HEARTBEAT_SECONDS", 0.01)
        tried: list[int] = []

        def tend() -> None:
            tried.append(1)
            raise OSError("no process can be started")

        beat = main.Heartbeat(Settings(database_url=url), tend)
        beat.start()
        until = time.monotonic() + 20
        while not (len(tried) > 1 and heartbeats.latest(db)) and time.monotonic() < until:
            time.sleep(0.01)
        beat.stop()

        assert len(tried) > 1
        assert [one.kind for one in heartbeats.latest(db)] == ["worker"]
        db.dispose()
