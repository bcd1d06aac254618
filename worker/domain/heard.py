"""Facts that we are told: messages, snapshots of the registers, answers to surveys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Author(StrEnum):
    """Who wrote a message. OWN is a message that Hookdesk itself asked for."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class TicketKey:
    """Which ticket a fact belongs to. For Chatwoot `external_id` is `<account>/<conversation>`."""

    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Person:
    """A requester, agent or team member as the source names them; `id` is the source's."""

    id: str | None = None
    name: str = ""
    email: str | None = None


def message_key(message_id: str) -> str:
    """The identity of the message with this id of its source, among all facts of a ticket."""
    return f"message:{message_id}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; identity is the source's message id."""

    id: str
    at: datetime
    author: Author
    text: str = ""
    private: bool = False
    content_type: str = "text"
    by: Person | None = None
    auto_reply: bool = False
    subject: str = ""
    language: str = ""  # two letters, where the mail or the form says it

    @property
    def key(self) -> str:
        return message_key(self.id)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registers of a conversation as they stood at `at` (the source's updated_at, exact microseconds)."""

    at: datetime
    status: str  # Chatwoot's words: open, pending, snoozed, resolved
    created_at: datetime
    priority: str | None = None
    labels: tuple[str, ...] = ()
    assignee: Person | None = None
    assignee_is_bot: bool = False
    team: Person | None = None
    requester: Person | None = None
    tier: str | None = None
    channel: str = ""
    subject: str = ""
    inbox_id: str | None = None
    can_reply: bool = True
    first_reply_at: datetime | None = None
    digest: str = ""  # distinguishes two snapshots of the same microsecond
    waiting_since: datetime | None = None  # since when the customer waits, as the source sees it
    auto_reply: bool = False  # the conversation began with an automatic reply
    text: str = ""  # the customer's last public message, for as long as no message fact is known
    language: str = ""  # the requester's, as the source knows it: two letters, or empty
    organization: str = ""  # the requester's, as the source knows it
    attributes: tuple[tuple[str, str], ...] = ()  # custom attributes of the conversation, by name, as text

    @property
    def key(self) -> str:
        return f"snapshot:{self.at.isoformat()}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a survey; 5 → 3 → 5 is three facts. `survey` is the message id or the resolution asked about."""

    survey: str
    at: datetime
    rating: int
    feedback: str = ""
    via: str = "chatwoot"  # or "hookdesk"

    @property
    def key(self) -> str:
        return f"answer:{self.via}:{self.survey}:{self.at.isoformat()}:{self.rating}"
