"""Named places between two durable steps where a test can have the process killed.

`HOOKDESK_FAILPOINT=process.before_commit:3` kills this process with SIGKILL at the third arrival there. Unset, which
is always outside tests, `reach` is one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

NAMES = (
    "accept.before_commit",
    "accept.after_commit",
    "accept.after_wake",
    "spool.after_write",
    "spool.after_sync",
    "spool.after_drain",
    "process.after_claim",
    "process.read",
    "process.before_commit",
    "process.after_commit",
    "fire.before_commit",
    "fire.after_commit",
    "perform.after_claim",
    "perform.after_call",
    "perform.after_settle",
)

_arrivals: dict[str, int] = {}
_guard = threading.Lock()


def reach(name: str, body: bytes = b"") -> None:
    """Die here if the environment says so.

    `HOOKDESK_FAILPOINT_ONCE` names a file that makes it happen only once over all processes, `HOOKDESK_FAILPOINT_BODY`
    a text that the body in hand must contain.
    """
    wanted = os.environ.get("HOOKDESK_FAILPOINT")
    if wanted is None:
        return
    place, _, count = wanted.partition(":")
    if place != name or os.environ.get("HOOKDESK_FAILPOINT_BODY", "").encode() not in body:
        return
    with _guard:
        _arrivals[name] = _arrivals.get(name, 0) + 1
        if _arrivals[name] == int(count or 1) and _first_time():
            os.kill(os.getpid(), signal.SIGKILL)


def _first_time() -> bool:
    once = os.environ.get("HOOKDESK_FAILPOINT_ONCE")
    if once is None:
        return True
    try:
        Path(once).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
