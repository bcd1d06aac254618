"""`hookdesk web`: granian with the front in it, and the metrics of all its processes in the parent."""

from __future__ import annotations

from functools import partial

from webhooks import spool
from webhooks.door import Door, open_door
from webhooks.front import Front
from worker import log
from worker.config import Settings
from worker.listening import listen

logger = log.get(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is in flight and return. Raises DependencyDown."""
    listen(
        "hookdesk",
        settings.host,
        settings.port,
        setting="HOOKDESK_PORT",
        load=partial(_load, settings),
        started=partial(_started, settings),
        processes=settings.web_processes,
    )
    logger.info("web_stopped")


def _load(settings: Settings) -> Front:
    """In each serving process, after the fork."""
    return Front(partial(_open, settings))


def _open(settings: Settings) -> Door:
    from worker.wake import Publisher, Waker  # imports Celery: not needed by who only imports this module

    waker = Waker(Publisher(settings.broker_url, origin="web"))
    return open_door(settings, wake=lambda ids: waker.wake("deliveries", ids), close_wake=waker.close)


def _started(settings: Settings) -> None:
    logger.info("web_started", host=settings.host, port=settings.port, processes=settings.web_processes)
    if settings.metrics_web_port:
        from worker import metrics  # prometheus_client looks at the environment when it is imported

        spooled = partial(spool.outstanding, spool.directory_of(settings.data_dir))
        metrics.serve(settings.metrics_web_port, settings.metrics_host, spooled=spooled)
