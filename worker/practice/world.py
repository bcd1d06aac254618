"""What the practice Chatwoot knows: people, conversations and messages, in memory, under one lock."""

from __future__ import annotations

import itertools
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from worker.clock import Clock, to_micros

INCOMING, OUTGOING, TEMPLATE = 0, 1, 3
STATUSES = ("open", "resolved", "pending", "snoozed")
PRIORITIES = ("low", "medium", "high", "urgent")


class UnknownValue(ValueError):
    """An enum value Chatwoot does not know: it answers 500, because nothing rescues the error there."""


class NoSuchRecord(LookupError):
    """Chatwoot's 404."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer."""

    id: int
    name: str
    email: str | None
    plan: str | None
    micros: int
    inbox_source: str
    pubsub_token: str


@dataclass(slots=True)
class Agent:
    """A user who answers; `availability` is online, busy or offline."""

    id: int
    name: str
    email: str
    role: str = "agent"
    availability: str = "online"


@dataclass(frozen=True, slots=True)
class Bot:
    """An agent bot."""

    id: int = 4
    name: str = "Triage bot"


@dataclass(frozen=True, slots=True)
class Team:
    """A team and its members."""

    id: int
    name: str
    members: tuple[int, ...] = ()
    allow_auto_assign: bool = False


@dataclass(slots=True)
class Message:
    """One message; `kind` is Chatwoot's number for incoming, outgoing, template."""

    id: int
    conversation_id: int
    content: str
    kind: int
    micros: int
    sender: Contact | Agent | Bot | None
    private: bool = False
    content_type: str = "text"
    content_attributes: dict[str, Any] = field(default_factory=dict)
    source_id: str | None = None
    updated_micros: int = 0

    @property
    def is_delivered(self) -> bool:
        """Whether the customer's channel gets it: one with a source_id is taken for already sent."""
        return self.kind == OUTGOING and not self.private and self.source_id is None


@dataclass(slots=True)
class Conversation:
    """One conversation; times are whole microseconds, 0 or None for none."""

    id: int
    contact: Contact
    created: int
    updated: int
    status: str = "open"
    priority: str | None = None
    labels: list[str] = field(default_factory=list)
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    assignee: Agent | None = None
    bot: Bot | None = None
    team: Team | None = None
    snoozed_until: int | None = None
    first_reply: int | None = None
    waiting_since: int = 0
    last_activity: int = 0
    agent_seen: int = 0
    contact_seen: int = 0
    messages: list[Message] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def unread(self) -> int:
        """Customer messages no agent has seen, as Chatwoot counts: at most ten."""
        return min(10, sum(1 for m in self.messages if m.kind == INCOMING and m.micros > self.agent_seen))

    @property
    def shown(self) -> Message | None:
        """The last public message: the one in a payload's `messages`."""
        return next((m for m in reversed(self.messages) if not m.private), None)


DEFAULT_AGENTS = (
    Agent(7, "Maya Ortiz", "maya@northwind.example"),
    Agent(8, "Jonas Weber", "jonas@northwind.example"),
    Agent(9, "Priya Shah", "priya@northwind.example", availability="busy"),
    Agent(10, "Tom Baker", "tom@northwind.example", availability="offline"),
)
DEFAULT_TEAMS = (
    Team(1, "support", (7, 8, 9, 10)),
    Team(2, "billing", (7, 9)),
    Team(3, "technical", (8, 10)),
)


class World:
    """Everything that exists in the practice account. Hold `lock` around anything that changes it."""

    def __init__(
        self,
        clock: Clock,
        *,
        account_id: int = 1,
        agents: tuple[Agent, ...] = DEFAULT_AGENTS,
        teams: tuple[Team, ...] = DEFAULT_TEAMS,
    ) -> None:
        self.lock = threading.RLock()
        self.account = {"id": account_id, "name": "Northwind Support"}
        self.inbox = {"id": 3, "name": "Website chat"}
        self.owner = Agent(1, "Hookdesk", "hookdesk@northwind.example", role="administrator", availability="offline")
        copies = [Agent(a.id, a.name, a.email, a.role, a.availability) for a in agents]
        self.agents = {agent.id: agent for agent in (self.owner, *copies)}
        self.teams = {team.id: team for team in teams}
        self.outsiders: set[int] = set()  # agents who are not members of the inbox
        self.contacts: dict[int, Contact] = {}
        self.conversations: dict[int, Conversation] = {}
        self.surveys: list[dict[str, Any]] = []
        self._clock, self._last = clock, 0
        self._ids = {kind: itertools.count(start) for kind, start in _FIRST_IDS.items()}

    def tick(self) -> int:
        """Now in whole microseconds, never twice the same: updated_at orders the events of a conversation."""
        self._last = max(self._last + 1, to_micros(self._clock.now()))
        return self._last

    def next_id(self, kind: str) -> int:
        """The next number of messages, conversations, contacts or survey answers."""
        return next(self._ids[kind])

    def conversation(self, conversation_id: int) -> Conversation:
        """Raises NoSuchRecord."""
        try:
            return self.conversations[conversation_id]
        except KeyError as exc:
            raise NoSuchRecord(conversation_id) from exc

    def contact(self, name: str, email: str | None, plan: str | None) -> Contact:
        """The contact with that address, or a new one."""
        known = next((c for c in self.contacts.values() if email is not None and c.email == email), None)
        if known is not None:
            return known
        new = Contact(self.next_id("contact"), name, email, plan, self.tick(), str(uuid.uuid4()), uuid.uuid4().hex[:24])
        self.contacts[new.id] = new
        return new


_FIRST_IDS = {"message": 9001, "conversation": 312, "contact": 41, "survey": 1}
