"""The doctor's checks of what goes out beside Chatwoot: the mail server and the targets of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.cli.doctor import FAIL, OK, WARN, Finding
from worker.cli.opening import is_missing, open_shortly

if TYPE_CHECKING:
    from worker.config import Settings

SECONDS = 1.5


def mail(settings: Settings) -> Finding:
    """Can the mail server be reached, and does it take our password?"""
    from worker.clients.smtp import MailClient
    from worker.errors import WorkError

    if settings.smtp_url is None:
        return Finding("mail", OK, "none is configured: no mail is sent")
    if settings.mail_from is None:
        return Finding("mail", FAIL, "there is no address to send from", "Set HOOKDESK_MAIL_FROM.")
    try:
        MailClient(settings.smtp_url, settings.mail_from, total_seconds=SECONDS).check()
    except WorkError as exc:
        return Finding("mail", FAIL, f"{exc.cause}: {exc}", "Check HOOKDESK_SMTP_URL.", is_dependency=True)
    return Finding("mail", OK, f"the server takes mail from {settings.mail_from}")


def targets(settings: Settings) -> Finding:
    """Has every target a secret, and is each switched on? Nothing is sent to find out."""
    from worker.cli.event_secrets import targets_of
    from worker.clients.webhook import secrets_of
    from worker.errors import ConfigError
    from worker.store.targets import standings

    try:
        names = [target.name for target in targets_of(settings)]
    except ConfigError:
        return Finding("targets", WARN, "the policy file is wrong, so nobody knows", "See the check of the policy.")
    if bare := [name for name in names if not secrets_of(name, settings.event_secrets)]:
        return Finding("targets", FAIL, f"no secret signs for {', '.join(bare)}", "Set HOOKDESK_EVENT_SECRETS.")
    if not names or is_missing(settings):
        return Finding("targets", OK, f"{len(names)} configured")
    db = open_shortly(settings)
    try:
        off = [one.name for one in standings(db).values() if one.disabled_at is not None and one.name in names]
    finally:
        db.dispose()
    if off:
        remedy = "`hookdesk targets list` says why, `hookdesk targets enable NAME` sends what waits."
        return Finding("targets", WARN, f"switched off: {', '.join(off)}", remedy)
    return Finding("targets", OK, f"{len(names)} configured, all are on")
