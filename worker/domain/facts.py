"""What is known about a ticket: an unordered set of facts, each with its own time and an identity.

Messages and answers are a set keyed by id. Snapshots carry the registers (status, assignee, team, labels,
priority) as they stood at `updated_at`; the latest wins, and the earlier ones remain as history, so that the
same facts in any order give the same ticket. Our own decisions are facts too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    @property
    def key(self) -> str:
        return f"message:{self.id}"


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


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as routing saw them: the numbers it compared, and why not, when not."""

    agent: Person
    open_tickets: int
    capacity: int
    idle_since: datetime | None
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """Our own routing decision, kept as a fact so that a replay of the facts comes out the same."""

    ordinal: int
    at: datetime
    rule: str
    team: Person | None
    agent: Person | None
    reason: str
    candidates: tuple[Candidate, ...] = field(default=())

    @property
    def key(self) -> str:
        return f"routed:{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Our own decision about the survey of one resolution: asked, or why not. Never taken twice."""

    resolution: int
    at: datetime
    refused: str = ""

    @property
    def key(self) -> str:
        return f"asked:{self.resolution}"


Fact = Message | Snapshot | Answer | Routed | Asked


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one delivery says: its event name, the ticket and the facts; or why it is ignored.

    A survey's answer knows its ticket by our own `ticket_id`, not by the source's key.
    """

    event: str
    ticket: TicketKey | None = None
    facts: tuple[Fact, ...] = ()
    ignored: str = ""  # a closed word: contact_event, typing, widget, unknown_event …
    ticket_id: int | None = None
