"""The doctor's checks: one function each, one line in CHECKS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from worker.cli.doctor import FAIL, OK, WARN, Check, Finding
from worker.cli.opening import sqlite_file
from worker.cli.output import cell, shortened
from worker.cli.sign import local_url
from worker.errors import ConfigError, HookdeskError

if TYPE_CHECKING:
    from worker.config import Settings
    from worker.store.database import Database

STALE = timedelta(seconds=30)
LITTLE_SPACE = 512 << 20


def policy(settings: Settings) -> Finding:
    """Is the policy file right?"""
    from worker.policy_file import load_policy

    try:
        found = load_policy(settings.config)
    except ConfigError as exc:
        return Finding("policy", FAIL, "; ".join(exc.mistakes), "Mend these lines of the policy file.")
    return Finding("policy", OK, f"version {found.version} from {settings.config or 'the built-in defaults'}")


def folder(settings: Settings) -> Finding:
    """Can the data folder be written, and is there room?"""
    path = settings.data_dir
    if not path.is_dir():
        return Finding("folder", WARN, f"{path} does not exist yet", "`hookdesk up` makes it.")
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding("folder", FAIL, f"{path} cannot be written", "Run as the user who owns it.")
    free = shutil.disk_usage(path).free
    if free < LITTLE_SPACE:
        return Finding("folder", WARN, f"{path} has only {free >> 20} MiB left", "Make room on that disk.")
    return Finding("folder", OK, f"{path.resolve()}, {free >> 20} MiB free")


def secrets(settings: Settings) -> Finding:
    """Are there secrets to verify webhooks and to sign survey links with?"""
    missing = [
        name
        for name, value in (
            ("HOOKDESK_CHATWOOT_WEBHOOK_SECRETS", settings.chatwoot_webhook_secrets),
            ("HOOKDESK_LINK_SECRETS", settings.link_secrets),
        )
        if not value
    ]
    if missing:
        return Finding("secrets", WARN, f"not set: {', '.join(missing)}", "`hookdesk up` generates them.")
    return Finding("secrets", OK, f"{len(settings.chatwoot_webhook_secrets)} for Chatwoot's webhooks")


def database(settings: Settings) -> Finding:
    """Does it answer, and are its tables current?"""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return Finding("database", WARN, f"{file} does not exist yet", "`hookdesk up` or `hookdesk migrate` makes it.")
    db = _open(settings)
    try:
        current = db.schema_is_current()
    finally:
        db.dispose()
    if not current:
        return Finding("database", FAIL, "its tables are not those of this version", "Run `hookdesk migrate`.")
    return Finding("database", OK, "answers, and its tables are current")


def broker(settings: Settings) -> Finding:
    """Does it take messages? Without it Hookdesk still works, only slower."""
    if settings.broker_url is None:
        return Finding(
            "broker", WARN, "none is configured and none runs here", "`hookdesk up` starts the embedded one."
        )
    from worker.broker_look import is_redis, look

    seen = look(settings.broker_url, seconds=1) if is_redis(settings.broker_url) else None
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


def web(settings: Settings) -> Finding:
    """Is the receiver of this machine ready?"""
    import requests

    url = f"{local_url(settings)}/readyz"
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=1.5)
    except requests.RequestException as exc:
        return Finding("web", WARN, f"nothing answers at {url} ({type(exc).__name__})", "`hookdesk up` starts it.")
    state = OK if answer.status_code == 200 else FAIL
    return Finding("web", state, f"{answer.status_code} {answer.text.strip()[:200]}", "See runbooks/ReceiverDown.md.")


def processes(settings: Settings) -> Finding:
    """Have worker and scheduler shown signs of life lately?"""
    from worker.store import heartbeats

    if _is_missing(settings):
        return Finding("processes", WARN, "none has ever run here", "`hookdesk up` starts them.")
    db = _open(settings)
    try:
        beats = heartbeats.latest(db)
    finally:
        db.dispose()
    newest = {kind: max((b.at for b in beats if b.kind == kind), default=None) for kind in ("worker", "scheduler")}
    late = [kind for kind, at in newest.items() if at is None or datetime.now(UTC) - at > STALE]
    if late:
        return Finding("processes", WARN, f"no sign of life from {' and '.join(late)}", "`hookdesk up` starts them.")
    return Finding("processes", OK, "worker and scheduler live")


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

    if _is_missing(settings):
        return Finding("circuit", OK, "closed: nothing has been called yet")
    db = _open(settings)
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


def books(settings: Settings) -> Finding:
    """Does the ledger add up, are there dead letters, is something in the spool?"""
    from webhooks.spool import count
    from worker.store.ledger import ledger

    if _is_missing(settings):
        return Finding("ledger", OK, "nothing has arrived yet")
    db = _open(settings)
    try:
        read = ledger(db)
    finally:
        db.dispose()
    if read.difference:
        return Finding("ledger", FAIL, f"the difference is {read.difference}", "See runbooks/LedgerDoesNotAddUp.md.")
    spooled = count(settings.data_dir / "spool")
    told = f"{read.received} received, difference 0, {read.dead} dead letters, {spooled} in the spool"
    return Finding("ledger", WARN if read.dead or spooled else OK, told, "`hookdesk dead-letters list` shows them.")


def _open(settings: Settings) -> Database:
    from worker.store.database import Database

    return Database.open(settings.database_url, statement_timeout=1.5, connect_timeout=1)


def _is_missing(settings: Settings) -> bool:
    file = sqlite_file(settings)
    return file is not None and not file.exists()


CHECKS: Mapping[str, Check] = {
    "policy": policy,
    "folder": folder,
    "secrets": secrets,
    "database": database,
    "broker": broker,
    "web": web,
    "processes": processes,
    "chatwoot": chatwoot,
    "circuit": circuit,
    "ledger": books,
}
