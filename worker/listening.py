"""Serving HTTP with granian until told to stop: what the receiver and the ticket API have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from worker.errors import DependencyDown
from worker.front import WsgiFront

HEADER_MILLISECONDS = 10_000  # also how long an idle connection lives: keep a proxy's upstream keepalive shorter
HEADER_BYTES = 64 << 10
CONNECTIONS = 4096  # per process; a waiting one costs a few kilobytes
STOP_SECONDS = 10
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
    try:
        server.serve(target_loader=load, wrap_loader=False)
    except (OSError, RuntimeError) as exc:  # granian says RuntimeError when the operating system refuses to listen
        if isinstance(exc, RuntimeError) and "os error" not in str(exc):
            raise
        said = str(exc).partition("\n")[0]  # granian adds a stack of its own
        raise DependencyDown(
            f"cannot listen on {address}:{port}: {said}. Is another process there? Set {setting}."
        ) from exc
