"""Hang at a failpoint once over all processes, with the whole group, as a machine does that is paused."""

import os
import signal
from pathlib import Path

from chaos_after import after_import


def install(place):
    """`process.after_claim`: the first that comes there stops, and goes on when somebody sends SIGCONT."""
    once = Path(os.environ["CHAOS_STALL_ONCE"])

    def change(module):
        reach = module.reach

        def reach_or_stall(name, body=b""):
            reach(name, body)
            if name == place:
                try:
                    once.touch(exist_ok=False)
                except FileExistsError:
                    return
                once.write_text(f"{os.getpid()} {os.getpgrp()}\n")
                os.killpg(os.getpgrp(), signal.SIGSTOP)

        module.reach = reach_or_stall

    after_import("worker.failpoints", change)
