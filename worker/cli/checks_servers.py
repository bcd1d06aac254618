"""The doctor's checks of what is not Hookdesk: database, broker, Chatwoot and the circuit before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.cli.doctor import FAIL, OK, WARN, Finding, told
from worker.cli.opening import is_missing, open_shortly, sqlite_file
from worker.cli.output import cell, shortened
from worker.errors import HookdeskError

if TYPE_CHECKING:
    from worker.config import Settings


def database(settings: Settings) -> Finding:
    """Does it answer, does it take writes, and are its tables current?"""
    from sqlalchemy.exc import SQLAlchemyError

    from worker.store.standby import TOLD, is_standby

    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return Finding("database", WARN, f"{file} does not exist yet", "`hookdesk up` or `hookdesk migrate` makes it.")
    page = "See runbooks/DatabaseDown.md."
    db = open_shortly(settings)
    try:
        with db.read() as conn:
            stands_by = is_standby(conn)
        current = db.schema_is_current()
    except SQLAlchemyError as exc:
        return Finding("database", FAIL, told(exc), page, is_dependency=True)
    finally:
        db.dispose()
    if stands_by:
        return Finding("database", FAIL, TOLD, page, is_dependency=True)
    if not current:
        return Finding("database", FAIL, "its tables are not those of this version", "Run `hookdesk migrate`.")
    return Finding("database", OK, "answers, and its tables are current")


def broker(settings: Settings) -> Finding:
    """Does it take messages? Without it Hookdesk still works, only slower."""
    if settings.broker_url is None:
        return Finding(
            "broker", WARN, "none is configured and none runs here", "`hookdesk up` starts the embedded one."
        )
    from worker.broker_look import can_look, look

    seen = look(settings.broker_url, seconds=1) if can_look(settings.broker_url) else None
    trouble = seen.trouble if seen is not None else _kombu_trouble(settings.broker_url)
    if trouble is not None:
        what = f"{trouble}. Nothing is lost: scheduler and workers go on without it"
        remedy = "See runbooks/BrokerDown.md; `hookdesk up` starts the embedded one."
        return Finding("broker", FAIL, what, remedy, is_dependency=True)
    if seen is not None and seen.doubt is not None:
        return Finding("broker", WARN, seen.doubt, "See runbooks/BrokerDown.md.")
    return Finding("broker", OK, "answers and takes messages" if seen is not None else "answers")


def _kombu_trouble(url: str) -> str | None:
    from kombu import connection as kombu_connection

    connect: Any = kombu_connection.Connection  # untyped there
    quickly = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
    try:
        with connect(url, connect_timeout=1, transport_options=quickly) as broker_:
            broker_.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except Exception as exc:  # each transport has errors of its own
        return f"does not answer ({type(exc).__name__})"
    return None


def chatwoot(settings: Settings) -> Finding:
    """Does Chatwoot answer, with our token?"""
    if settings.chatwoot_url is None:
        from worker.cli.practice_events import practice_file

        if practice_file(settings.data_dir).exists():
            return Finding("chatwoot", OK, "the practice Chatwoot of `hookdesk up --practice`; only that can call it")
        return Finding("chatwoot", OK, "none is configured: nothing is sent to a Chatwoot")
    if settings.chatwoot_token is None:
        return Finding("chatwoot", FAIL, "HOOKDESK_CHATWOOT_TOKEN is not set", "Set it to an agent's access token.")
    from worker.clients.chatwoot import ChatwootClient

    client = ChatwootClient(settings.chatwoot_url, settings.chatwoot_account_id, settings.chatwoot_token)
    try:
        client.ping()
    except HookdeskError as exc:
        return Finding("chatwoot", FAIL, f"{settings.chatwoot_url}: {exc}", "See runbooks/ChatwootApiDown.md.",
                       is_dependency=True)  # fmt: skip
    finally:
        client.close()
    return Finding("chatwoot", OK, f"{settings.chatwoot_url} answers with our token")


def circuit(settings: Settings) -> Finding:
    """Are calls to Chatwoot held back? The database knows, whatever this shell knows of Chatwoot."""
    from worker.store import breakers

    if is_missing(settings):
        return Finding("circuit", OK, "closed: nothing has been called yet")
    db = open_shortly(settings)
    try:
        held = [each for each in breakers.peek(db) if each.is_open and each.open_until is not None]
    finally:
        db.dispose()
    if not held:
        return Finding("circuit", OK, "closed: nothing is held back")
    told = "; ".join(
        f"calls to {each.name} are held back, the next is tried at {cell(each.open_until)}: "
        f"{shortened(each.cause or 'cause unknown', 120)}"
        for each in held
    )
    return Finding("circuit", WARN, told, "See runbooks/ChatwootApiDown.md.")
