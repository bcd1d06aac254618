"""The doctor's checks: one function each, one line in CHECKS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from worker.cli.checks_outgoing import mail, targets
from worker.cli.checks_servers import broker, chatwoot, circuit, database
from worker.cli.doctor import FAIL, OK, WARN, Check, Finding
from worker.cli.opening import is_missing, open_shortly
from worker.cli.sign import api_url, local_url
from worker.errors import ConfigError

if TYPE_CHECKING:
    from worker.config import Settings

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


def web(settings: Settings) -> Finding:
    """Is the receiver of this machine ready?"""
    url = f"{local_url(settings)}/readyz"
    status, said = _asked(url)
    if not status:
        return Finding("web", WARN, f"nothing answers at {url} ({said})", "`hookdesk up` starts it.")
    return Finding("web", OK if status == 200 else FAIL, f"{status} {said}", "See runbooks/ReceiverDown.md.")


def api(settings: Settings) -> Finding:
    """Does the ticket API answer at its address, where one is wanted? Nothing else depends on it."""
    if not settings.api_port:
        return Finding("api", OK, "switched off: HOOKDESK_API_PORT is 0")
    url = api_url(settings)
    status, said = _asked(f"{url}/livez")
    callers = len(settings.api_tokens)
    if status == 200 and callers:
        return Finding("api", OK, f"answers at {url}, {callers} token{'s' if callers > 1 else ''}")
    if status == 200:
        return Finding("api", WARN, f"answers at {url}, but nobody may use it", "Set HOOKDESK_API_TOKENS.")
    if status:
        return Finding("api", WARN, f"something else answers at {url} ({status})", "Set HOOKDESK_API_PORT.")
    if not callers:
        return Finding("api", OK, "none runs here, and no token is set for one")
    next_step = "`hookdesk up` or `hookdesk api` starts it; if it runs elsewhere, say where with HOOKDESK_API_HOST."
    return Finding("api", WARN, f"nothing answers at {url} ({said})", next_step)


def _asked(url: str) -> tuple[int, str]:
    """The status and what it said; 0 and the kind of error where nothing answers."""
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=1.5)
    except requests.RequestException as exc:
        return 0, type(exc).__name__
    return answer.status_code, answer.text.strip()[:200]


def processes(settings: Settings) -> Finding:
    """Have worker and scheduler shown signs of life lately?"""
    from worker.store import heartbeats

    if is_missing(settings):
        return Finding("processes", WARN, "none has ever run here", "`hookdesk up` starts them.")
    db = open_shortly(settings)
    try:
        beats = heartbeats.latest(db)
    finally:
        db.dispose()
    newest = {kind: max((b.at for b in beats if b.kind == kind), default=None) for kind in ("worker", "scheduler")}
    late = [kind for kind, at in newest.items() if at is None or datetime.now(UTC) - at > STALE]
    if late:
        return Finding("processes", WARN, f"no sign of life from {' and '.join(late)}", "`hookdesk up` starts them.")
    return Finding("processes", OK, "worker and scheduler live")


def books(settings: Settings) -> Finding:
    """Does the ledger add up, are there dead letters, is something in the spool?"""
    from webhooks.spool import REFUSED, count, directory_of, refused
    from worker.store.ledger import ledger

    if is_missing(settings):
        return Finding("ledger", OK, "nothing has arrived yet")
    db = open_shortly(settings)
    try:
        read = ledger(db)
    finally:
        db.dispose()
    if read.difference:
        return Finding("ledger", FAIL, f"the difference is {read.difference}", "See runbooks/LedgerDoesNotAddUp.md.")
    spool = directory_of(settings.data_dir)
    if aside := refused(spool):
        told = f"{aside} accepted requests that the database refused are set aside in {spool / REFUSED}"
        return Finding(
            "ledger", WARN, told, "Mend the cause, then move the files up one folder: they are stored within 15 s."
        )
    spooled = count(spool)
    told = f"{read.received} received, difference 0, {read.dead} dead letters, {spooled} in the spool"
    hints = ("Spooled requests are stored once the database takes them." if spooled else "",
             "`hookdesk dead-letters list` shows the dead letters." if read.dead else "")  # fmt: skip
    return Finding("ledger", WARN if read.dead or spooled else OK, told, " ".join(filter(None, hints)))


CHECKS: Mapping[str, Check] = {
    "policy": policy,
    "folder": folder,
    "secrets": secrets,
    "database": database,
    "broker": broker,
    "web": web,
    "api": api,
    "processes": processes,
    "chatwoot": chatwoot,
    "circuit": circuit,
    "mail": mail,
    "targets": targets,
    "ledger": books,
}
