"""What a worker process holds: one desk and one Chatwoot client per pool child, made after the fork."""

from __future__ import annotations

from dataclasses import dataclass

from worker.clients.chatwoot import ChatwootClient
from worker.clients.rate import Rate
from worker.config import Settings
from worker.desk import Desk, open_desk


@dataclass(slots=True)
class _State:
    settings: Settings | None = None
    desk: Desk | None = None
    client: ChatwootClient | None = None


_state = _State()


def configure(settings: Settings) -> None:
    """Tell this process, and every child forked from it, which settings to use."""
    _state.settings = settings
    _state.desk = _state.client = None


def desk() -> Desk:
    """This process's desk; connections never cross a fork."""
    if _state.settings is None:
        raise RuntimeError("configure() comes first")
    if _state.desk is None:
        _state.desk = open_desk(_state.settings, origin="worker")
    return _state.desk


def client() -> ChatwootClient | None:
    """This process's Chatwoot client, or None when no Chatwoot is configured."""
    settings = desk().settings
    if settings.chatwoot_url is None or settings.chatwoot_token is None:
        return None
    if _state.client is None:
        rate = Rate(settings.broker_url, per_second=settings.chatwoot_rate, workers=settings.worker_processes)
        _state.client = ChatwootClient(
            settings.chatwoot_url, settings.chatwoot_account_id, settings.chatwoot_token, rate=rate
        )
    return _state.client


def close() -> None:
    """At the end of a child."""
    if _state.desk is not None:
        _state.desk.close()
        _state.desk = None
