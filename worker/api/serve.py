"""`hookdesk api`: granian with the ticket API in it, one process with a few threads; its port is private."""

from __future__ import annotations

from functools import partial

from flask import Flask
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from worker import log
from worker.api.app import create_app
from worker.config import Settings
from worker.listening import HEADER_MILLISECONDS, listen

THREADS = 8  # each holds one connection to the database while it works: no more than the store's pool

logger = log.get(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is in flight and return. Raises DependencyDown."""
    listen(
        "hookdesk-api",
        settings.api_host,
        settings.api_port,
        setting="HOOKDESK_API_PORT",
        load=partial(_load, settings),
        started=partial(_started, settings),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        log_level=LogLevels.error,  # as a warning it tells us that these are many threads
    )
    logger.info("api_stopped")


def _load(settings: Settings) -> Flask:
    """In the serving process, after the fork."""
    from worker.desk import open_desk  # imports Celery: not needed by who only imports this module

    return create_app(open_desk(settings, origin="api"))


def _started(settings: Settings) -> None:
    logger.info("api_started", host=settings.api_host, port=settings.api_port, callers=len(settings.api_tokens))
    if not settings.api_tokens:
        logger.warning("api_without_tokens", next="set HOOKDESK_API_TOKENS; until then every call is refused")
