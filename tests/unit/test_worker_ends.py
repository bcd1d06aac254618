"""How long a process of the worker's pool stays when nobody listens to it any more."""

from __future__ import annotations

from multiprocessing import Value

import pytest
from billiard import pool

from worker.tasks import main


class TestFarewell:
    def test_a_result_that_no_parent_reads_does_not_hold_it_up_for_half_a_minute(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(pool.time, "sleep", slept.append)
        monkeypatch.setattr(pool, "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT", 300)  # put back afterwards
        monkeypatch.setattr(main.state, "desk", lambda: None)
        monkeypatch.setattr(main, "leave_what_stands", lambda: None)
        one = pool.Worker.__new__(pool.Worker)  # a whole one needs a parent
        one.on_ready_counter = Value("i", 0)

        main._after_fork()
        was_read = one._ensure_messages_consumed(completed=1)

        assert not was_read
        assert 1 <= sum(slept) <= 5
