"""Serving HTTP with granian until told to stop: what the receiver and the ticket API have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes
from granian.server.mp import MPServer

from worker.errors import DependencyDown

HEADER_MILLISECONDS = 10_000  # also how long an idle connection lives: keep a proxy's upstream keepalive shorter
STOP_SECONDS = 10
_THROUGH_OURS = {"handlers": [], "propagate": True}
_LOGGING = {"loggers": {"_granian": _THROUGH_OURS, "granian.access": _THROUGH_OURS}}


def listen(
    name: str,
    address: str,
    port: int,
    *,
    setting: str,
    load: Callable[[], Any],
    started: Callable[[], None],
    **options: Any,
) -> None:
    """Serve what `load` gives in each serving process, until SIGTERM or SIGINT; what is in flight is answered first.

    `options` are granian's. Raises DependencyDown, which names the setting of the port, when nobody may listen there.
    """
    server = MPServer(
        name,
        address=address,
        port=port,
        http=HTTPModes.http1,
        websockets=False,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        **options,
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
