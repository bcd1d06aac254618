"""The process that performs effects while the broker is away: somebody has to look after it, too."""

from __future__ import annotations

import os
import signal
import time

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
