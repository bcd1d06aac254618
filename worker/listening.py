"""Serving HTTP with granian until told to stop: what the receiver and the ticket API have in common."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from worker.errors import DependencyDown
from worker.front import WsgiFront
from worker.ports import refuse_shared
from worker.supervise import tie_to

HEADER_MILLISECONDS = 10_000  # also how long an idle connection lives: keep a proxy's upstream keepalive shorter
HEADER_BYTES = 64 << 10
CONNECTIONS = 4096  # per process; a waiting one costs a few kilobytes
STOP_SECONDS = 10
PORT_SECONDS = 3.0
_THROUGH_OURS = {"handlers": [], "propagate": True}
_LOGGING = {"loggers": {"_granian": _THROUGH_OURS, "granian.access": _THROUGH_OURS}}


def listen(
    name: str,
    address: str,
    port: int,
    *,
    setting: str,
    load: Callable[[], WsgiFront[Any]],
    started: Callable[[], None],
    processes: int = 1,
) -> None:
    """Serve by the front that `load` makes in each serving process, until SIGTERM or SIGINT.

    What is in flight then is answered first. `started` is called in the parent, once it listens and before it forks.
    Raises DependencyDown, which names the setting of the port, when nobody may listen there.
    """
    server = MPServer(
        name,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        loop=Loops.uvloop,
        runtime_mode=RuntimeModes.mt,
        workers=processes,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=HEADER_BYTES),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.on_startup(started)
    _await_port(address, port, setting)
    try:
        server.serve(target_loader=partial(_load, os.getpid(), load), wrap_loader=False)
    except (OSError, RuntimeError) as exc:  # granian says RuntimeError when the operating system refuses to listen
        if isinstance(exc, RuntimeError) and "os error" not in str(exc):
            raise
        said = str(exc).partition("\n")[0]  # granian adds a stack of its own
        raise _cannot_listen(address, port, said, setting) from exc


def _load(parent: int, load: Callable[[], WsgiFront[Any]]) -> WsgiFront[Any]:
    """In each serving process; one that outlived its parent would keep the port, and nobody could start anew there."""
    tie_to(parent)
    return load()


def _await_port(address: str, port: int, setting: str) -> None:
    """Until it is ours alone, for a moment: the processes of a parent that was killed are still ending.

    The processes of granian share the port on purpose, and would with those of a stranger, too: the kernel gives each a
    part of the connections, and if the stranger hangs, that part hangs.
    """
    until = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return refuse_shared(address, port)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise _cannot_listen(address, port, exc.strerror or str(exc), setting) from exc
        time.sleep(0.1)


def _cannot_listen(address: str, port: int, why: str, setting: str) -> DependencyDown:
    return DependencyDown(
        f"cannot listen on {address}:{port}: {why}. If another process is there (`ss -ltnp` names it), end all of it "
        f"first, or choose another port with {setting}."
    )
