"""What goes to customers by mail, because the request came without a conversation: replies, surveys, notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.clients.mail import Mail
from worker.clients.smtp import MailClient
from worker.config import Settings
from worker.domain.effects import EffectKind
from worker.domain.facts import TicketKey
from worker.domain.policy import Policy
from worker.domain.retry import MAIL_OUT, Schedule
from worker.errors import PermanentError
from worker.performers.base import Outside
from worker.performers.identity import lasting
from worker.performers.survey_words import survey_text
from worker.store import aliases
from worker.store.effects import ClaimedEffect
from worker.store.ticket_rows import StoredTicket


class MailPerformer:
    """Sends one mail to one person. A server cannot be asked whether it has it already: the Message-ID tells."""

    schedule: Schedule = MAIL_OUT

    def __init__(self, outside: Outside, *, client: MailClient | None = None) -> None:
        self._db, self._client = outside.db, client or client_of(outside.settings)
        self._settings, self._csat = outside.settings, outside.policy.csat

    def dependency(self, claimed: ClaimedEffect) -> str:
        """One breaker for the mail server."""
        return "smtp"

    def named(self, claimed: ClaimedEffect) -> str:
        """There is only one."""
        return "the mail server"

    def has_target(self, claimed: ClaimedEffect, ticket: StoredTicket) -> bool:
        """A mail server, an address to send from and one to send to."""
        return self._client is not None and bool(claimed.payload.get("to"))

    def perform(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any]:
        """Answer in the thread of the mail that the ticket came from, where it came by mail.

        What answers this mail belongs to the ticket, and that is known before anybody can answer.
        """
        client = self._mail_client()
        with self._db.read() as conn:
            now = self._db.now(conn)
        mail = Mail(
            to=str(claimed.payload["to"]),
            subject=_subject(str(claimed.payload.get("subject") or "")),
            text=self._text(claimed),
            id=message_id(claimed, client.domain),
            at=now,
            answers=ticket.key.external_id if ticket.key.source == "email" else None,
            automatic=claimed.kind is not EffectKind.REPLY,
        )
        with self._db.write() as conn:
            aliases.add(conn, [(TicketKey(aliases.OUR_MAIL, mail.id), ticket.id)])
        return {"message_id": mail.id, "said": client.send(mail)}

    def look_for(self, claimed: ClaimedEffect, ticket: StoredTicket) -> None:
        """There is no looking into somebody's mailbox."""
        return

    def check_access(self, claimed: ClaimedEffect) -> None:
        """Connect and log in."""
        self._mail_client().check()

    def _text(self, claimed: ClaimedEffect) -> str:
        is_survey = claimed.kind is EffectKind.SURVEY
        return survey_text(claimed, self._settings, self._csat) if is_survey else str(claimed.payload["text"])

    def _mail_client(self) -> MailClient:
        if self._client is None:
            raise PermanentError("no_target", "no mail server is configured")
        return self._client


def client_of(settings: Settings) -> MailClient | None:
    """The configured mail server, or None when there is none or no address to send from."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return MailClient(settings.smtp_url, settings.mail_from)


def is_configured(payload: Mapping[str, Any], settings: Settings, _policy: Policy) -> bool:
    """Whether these settings name a mail server, an address to send from, and this effect one to send to."""
    return settings.smtp_url is not None and settings.mail_from is not None and bool(payload.get("to"))


def message_id(claimed: ClaimedEffect, domain: str, part: str = "") -> str:
    """The same over all tries of one effect; several mails of one effect differ by their `part`."""
    return f"{lasting(claimed, part)}@{domain}"


def _subject(subject: str) -> str:
    if not subject.strip():
        return "Re: your request"
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"
