"""`hookdesk api`: granian with a front and the ticket API behind it, in one process; its port is private.

As with the receiver, a request gets one of the few threads when it has come completely: slow callers hold up nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask

from worker import log
from worker.api.app import BODY_BYTES, create_app, refusal
from worker.config import Settings
from worker.desk import Desk, open_desk
from worker.front import WsgiFront
from worker.listening import listen

THREADS = 8  # each holds one connection to the database while it works: no more than the store's pool
ANSWER_SECONDS = 30.0  # the database gives up earlier by itself, and then the answer says that nothing was changed

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
    )
    logger.info("api_stopped")


@dataclass(frozen=True, slots=True)
class Api:
    """What lies behind the front: the desk, and the application that works at it."""

    desk: Desk
    app: Flask
    threads: int = THREADS

    def close(self) -> None:
        """Give everything back."""
        self.desk.close()


def front_of(open_api: Callable[[], Api], *, answer_seconds: float = ANSWER_SECONDS, **bounds: Any) -> WsgiFront[Api]:
    """Not open yet: the server opens it."""
    return WsgiFront(open_api, refusal=refusal, body_bytes=BODY_BYTES, answer_seconds=answer_seconds, **bounds)


def _load(settings: Settings) -> WsgiFront[Api]:
    """In the serving process, after the fork."""
    return front_of(partial(_open, settings))


def _open(settings: Settings) -> Api:
    desk = open_desk(settings, origin="api")
    return Api(desk, create_app(desk))


def _started(settings: Settings) -> None:
    logger.info("api_started", host=settings.api_host, port=settings.api_port, callers=len(settings.api_tokens))
    if not settings.api_tokens:
        logger.warning("api_without_tokens", next="set HOOKDESK_API_TOKENS; until then every call is refused")
