"""`hookdesk api`: granian with the ticket API in it, one process with a few threads; its port is private."""

from __future__ import annotations

from functools import partial

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from worker import log
from worker.api.app import create_app
from worker.config import Settings
from worker.errors import DependencyDown

THREADS = 8  # each holds one connection to the database while it works: no more than the store's pool
HEADER_MILLISECONDS = 10_000
STOP_SECONDS = 10
_THROUGH_OURS = {"handlers": [], "propagate": True}
_LOGGING = {"loggers": {"_granian": _THROUGH_OURS, "granian.access": _THROUGH_OURS}}

logger = log.get(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is in flight and return. Raises DependencyDown."""
    server = MPServer(
        "hookdesk-api",
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_level=LogLevels.error,  # as a warning it tells us that these are many threads
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.on_startup(lambda: _started(settings))
    try:
        server.serve(target_loader=partial(_load, settings), wrap_loader=False)
    except (OSError, RuntimeError) as exc:  # granian says RuntimeError when the operating system refuses to listen
        if isinstance(exc, RuntimeError) and "os error" not in str(exc):
            raise
        said = str(exc).partition("\n")[0]  # granian adds a stack of its own
        raise DependencyDown(
            f"cannot listen on {settings.api_host}:{settings.api_port}: {said}. Is another process there? "
            "Set HOOKDESK_API_PORT."
        ) from exc
    logger.info("api_stopped")


def _load(settings: Settings) -> Flask:
    """In the serving process, after the fork."""
    from worker.desk import open_desk  # imports Celery: not needed by who only imports this module

    return create_app(open_desk(settings, origin="api"))


def _started(settings: Settings) -> None:
    logger.info("api_started", host=settings.api_host, port=settings.api_port, callers=len(settings.api_tokens))
    if not settings.api_tokens:
        logger.warning("api_without_tokens", next="set HOOKDESK_API_TOKENS; until then every call is refused")
