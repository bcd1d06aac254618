"""Operators' notices: by signed webhook and by mail, whichever is configured, each part once.

What is late is told together: after an outage one notice says what a hundred would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker import log
from worker.clients.egress import Egress, Resolver, system_resolver
from worker.clients.mail import Mail
from worker.clients.smtp import MailClient
from worker.clients.webhook import Webhook, send
from worker.config import Settings
from worker.domain.notice_words import Notice, told_together
from worker.domain.outcome import is_wanted
from worker.domain.policy import NoticePolicy, Policy
from worker.domain.retry import WEBHOOK_OUT, Schedule
from worker.domain.wording import NOT_WANTED, source
from worker.errors import AccessError, PermanentError, TransientError, WorkError
from worker.performers import mail
from worker.performers.base import Outside
from worker.performers.chatwoot import conversation_of
from worker.performers.event import id_of
from worker.performers.mail import client_of, message_id
from worker.store import effects, notices, ticket_reads
from worker.store.effects import ClaimedEffect
from worker.store.notices import Gathered
from worker.store.ticket_rows import StoredTicket

TYPE = "operator.notice"
WEBHOOK = "webhook"
PARTLY = "partly_done"

logger = log.get(__name__)


@dataclass(slots=True)
class Telling:
    """One notice on its way: what it says, and which parts have been told (address or `webhook` → what came of it)."""

    notice: Notice
    done: dict[str, str]

    def kept(self) -> dict[str, Any]:
        """What a later try needs to go on where this one stopped."""
        return {"told": self.done, "notice": self.notice.as_json()}


class NoticePerformer:
    """Tells the webhook of [notices] and every address, and remembers each that has been told."""

    schedule: Schedule = WEBHOOK_OUT

    def __init__(
        self, outside: Outside, *, resolve: Resolver = system_resolver, client: MailClient | None = None
    ) -> None:
        self._db, self._resolve = outside.db, resolve
        self._policy, self._secrets = outside.policy.notices, outside.settings.notice_secrets
        self._client, self._settings = client or client_of(outside.settings), outside.settings

    def dependency(self, claimed: ClaimedEffect) -> str:
        """Open only while nobody at all can be told: a part that works is not held up by one that does not."""
        return "notice"

    def named(self, claimed: ClaimedEffect) -> str:
        """All ways together."""
        return "the way to the operators"

    def has_target(self, claimed: ClaimedEffect, ticket: StoredTicket) -> bool:
        """A webhook with a secret to sign with, or a mail server and somebody to write to."""
        return self._has_webhook() or (self._client is not None and bool(claimed.payload.get("to")))

    def perform(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any]:
        """Tell everybody who has not been told yet; late notices together with all others of their team."""
        telling, gathered = self._begun(claimed), []
        if telling is None:
            gathered = self._gathered(claimed) if claimed.payload.get("late") else []
            telling = Telling(told_together([_notice(claimed), *map(_notice, gathered)]), {})
        try:
            self._tell(claimed, telling, gathered, self._where(ticket) if telling.notice.count == 1 else "")
        except WorkError:
            if not telling.done:
                notices.release(self._db, claimed, gathered)
            raise
        return telling.kept()

    def look_for(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any] | None:
        """What was told of it before it stopped being wanted."""
        begun = self._begun(claimed)
        return None if begun is None else begun.kept()

    def check_access(self, claimed: ClaimedEffect) -> None:
        """Only a mail server can say that it does not know us."""
        if self._client is not None:
            self._client.check()

    def _begun(self, claimed: ClaimedEffect) -> Telling | None:
        stored = effects.get(self._db, claimed.id)
        if stored is None or not isinstance(stored.result, dict) or not stored.result.get("told"):
            return None
        return Telling(Notice.from_json(stored.result["notice"]), dict(stored.result["told"]))

    def _gathered(self, claimed: ClaimedEffect) -> list[Gathered]:
        """The others that are still wanted; those that are not are called off here."""
        wanted = []
        for one in notices.gather(self._db, claimed):
            ticket = ticket_reads.get(self._db, one.ticket_id)
            record = ticket.ticket if ticket is not None else None
            why = is_wanted(claimed.kind, one.decision, one.payload, record) if record is not None else None
            if why is None:
                wanted.append(one)
            else:
                notices.cancel(self._db, claimed, [one], detail=NOT_WANTED.get(why, why))
        return wanted

    def _where(self, ticket: StoredTicket) -> str:
        """Where whoever reads a mail finds the ticket. Programs have its id in `tickets`."""
        lines = [f"Ticket t{ticket.id}, {source(ticket.key)} {ticket.key.external_id}."]
        conversation, settings = conversation_of(ticket.key), self._settings
        if conversation is not None and settings.chatwoot_url is not None:
            place = f"accounts/{settings.chatwoot_account_id}/conversations/{conversation}"
            lines.append(f"{settings.chatwoot_url.rstrip('/')}/app/{place}")
        return "\n\n" + "\n".join([*lines, f"`hookdesk trace t{ticket.id}` tells the whole story."])

    def _tell(self, claimed: ClaimedEffect, telling: Telling, gathered: Sequence[Gathered], where: str) -> None:
        """Every part that has not been told. Raises when a part must be tried again, or when nobody could be told."""
        with self._db.read() as conn:
            now = self._db.now(conn)
        failed: list[WorkError] = []
        for part, tell in self._parts(claimed, telling.notice, where, now):
            if part in telling.done:
                continue
            try:
                telling.done[part] = tell()
            except WorkError as exc:
                logger.warning("notice_part_failed", effect=claimed.id, by=_kind(part), cause=exc.cause)
                failed.append(_about(part, exc))
                continue
            notices.keep(self._db, claimed, gathered, telling.kept())
            gathered = ()
        if failed:
            _raise(failed, is_told=bool(telling.done))

    def _parts(
        self, claimed: ClaimedEffect, notice: Notice, where: str, now: datetime
    ) -> list[tuple[str, Callable[[], str]]]:
        parts: list[tuple[str, Callable[[], str]]] = []
        if self._has_webhook():
            parts.append((WEBHOOK, lambda: self._post(claimed, notice, now)))
        client = self._client
        if client is not None:
            text = notice.text + where
            parts += [(to, lambda to=to: _mailed(client, claimed, (notice.subject, text), to, now)) for to in notice.to]  # type: ignore[misc]
        return parts

    def _has_webhook(self) -> bool:
        return _has_webhook(self._settings, self._policy)

    def _post(self, claimed: ClaimedEffect, notice: Notice, now: datetime) -> str:
        egress = Egress("notice", allow_private=self._policy.allow_private, resolve=self._resolve)
        webhook = Webhook(id_of(claimed), TYPE, claimed.created_at, notice.data())
        answer = send(egress, self._policy.webhook, webhook, secrets=self._secrets, now=now)
        return f"HTTP {answer.status}"


def is_configured(payload: Mapping[str, Any], settings: Settings, policy: Policy) -> bool:
    """Whether these settings name a webhook with a secret to sign with, or a mail server, for this effect's people."""
    return _has_webhook(settings, policy.notices) or mail.is_configured(payload, settings, policy)


def _has_webhook(settings: Settings, policy: NoticePolicy) -> bool:
    return bool(policy.webhook and settings.notice_secrets)


def _mailed(client: MailClient, claimed: ClaimedEffect, said: tuple[str, str], to: str, now: datetime) -> str:
    mail_id = message_id(claimed, client.domain, to)
    client.send(Mail(to, *said, mail_id, now, automatic=True))
    return mail_id


def _notice(one: ClaimedEffect | Gathered) -> Notice:
    return Notice.of(one.payload, ticket_id=one.ticket_id)


def _kind(part: str) -> str:
    return WEBHOOK if part == WEBHOOK else "mail"


def _about(part: str, exc: WorkError) -> WorkError:
    """The same error, saying which part it is about."""
    said = f"{'the webhook' if part == WEBHOOK else f'mail to {part}'}: {exc}"
    match exc:
        case TransientError():
            return TransientError(exc.cause, said, status=exc.status, retry_after=exc.retry_after)
        case AccessError():
            return AccessError(exc.cause, said, status=exc.status or 0)
    return PermanentError(exc.cause, said, status=exc.status)


def _raise(failed: Sequence[WorkError], *, is_told: bool) -> None:
    """The failure that another try may mend, if there is one. Where somebody has been told, a part that is refused for
    good is let go: the notice has reached people, and the log says whom it has not."""
    may_improve = [one for one in failed if isinstance(one, TransientError | AccessError)]
    if not may_improve and is_told:
        return
    if not is_told:
        transient = (one for one in failed if isinstance(one, TransientError))
        raise next(transient, (may_improve or failed)[0])
    hint = max((one.retry_after or 0.0 for one in may_improve if isinstance(one, TransientError)), default=0.0)
    raise TransientError(PARTLY, "; ".join(str(one) for one in may_improve), retry_after=hint or None)
