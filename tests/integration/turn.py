"""One turn of a worker in a process of its own, so that a test can have it killed at a failpoint.

`python -m tests.integration.turn perform|fire`, with the settings in the environment.
"""

from __future__ import annotations

import sys

from worker.config import load
from worker.desk import Desk, open_desk
from worker.firing import fire_due
from worker.performing import perform_due
from worker.tasks import state


def perform(desk: Desk) -> int:
    """Perform what is due."""
    return perform_due(desk.db, state.client, desk.policy, desk.settings, seconds=20)


def fire(desk: Desk) -> int:
    """Fire what is due."""
    return fire_due(desk, seconds=20)


def main() -> None:
    """Take one turn and end."""
    settings = load()
    state.configure(settings)
    desk = open_desk(settings, origin="test")
    {"perform": perform, "fire": fire}[sys.argv[1]](desk)
    desk.close()


if __name__ == "__main__":
    main()
