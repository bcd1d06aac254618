"""Slots for talking to Chatwoot: bounded, and given back by whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from worker.tasks.slot import slot

HOLDS = """
import sys, time
from pathlib import Path
from worker.tasks.slot import slot
with slot(Path(sys.argv[1]), slots=1) as is_ours:
    print(is_ours, flush=True)
    time.sleep(60)
"""


class TestSlot:
    def test_as_many_as_there_are_and_no_more(self, tmp_path: Path) -> None:
        with slot(tmp_path, slots=2) as first, slot(tmp_path, slots=2) as second, slot(tmp_path, slots=2) as third:
            assert (first, second, third) == (True, True, False)

        with slot(tmp_path, slots=1) as again:
            assert again is True

    def test_a_killed_holder_gives_it_back(self, tmp_path: Path) -> None:
        holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with slot(tmp_path, slots=1) as taken:
            assert taken is False

        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        holder.stdout.close()

        with slot(tmp_path, slots=1) as free:
            assert free is True
