"""Celery that ends without having been asked is started again, in the same process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENDS_ONCE = """
import os, sys
from pathlib import Path
from celery import signals
from worker.config import load
from worker.tasks import main

seen = Path(os.environ["SEEN"])

def work(app, settings):
    first = not seen.exists()
    with seen.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    if not first:
        signals.worker_shutting_down.send(sender=None)  # as on SIGTERM
    return 1 if first else 0

if __name__ == "__main__":
    main._work = work
    sys.exit(main.run(load()))
"""


class TestWorker:
    def test_it_starts_anew_under_the_same_pid_until_it_is_asked_to_end(self, tmp_path: Path) -> None:
        script, seen = tmp_path / "ends_once.py", tmp_path / "seen"
        script.write_text(ENDS_ONCE)
        env = {
            "PATH": os.environ["PATH"],
            "SEEN": str(seen),
            "HOOKDESK_DATA_DIR": str(tmp_path),
            "HOOKDESK_BROKER_URL": "redis://127.0.0.1:1/0",
        }

        done = subprocess.run([sys.executable, str(script)], env=env, timeout=60, capture_output=True)

        assert done.returncode == 0, done.stderr.decode()
        first, second = seen.read_text().split()
        assert first == second
