"""The ticket: its statuses, the legal edges between them, and the record that facts fold into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from worker.domain.effects import Effect
from worker.domain.facts import Escalated, Fact, Matched, Person, Routed, TicketKey
from worker.errors import InvalidTransition


class Status(StrEnum):
    """A ticket's status; Chatwoot's words are only used where its objects are meant."""

    NEW = "new"
    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    PENDING_CUSTOMER = "pending_customer"
    RESOLVED = "resolved"
    CLOSED = "closed"


EDGES: Mapping[Status, tuple[Status, ...]] = {
    Status.NEW: (Status.TRIAGED,),
    Status.TRIAGED: (Status.IN_PROGRESS,),
    Status.IN_PROGRESS: (Status.PENDING_CUSTOMER, Status.RESOLVED),
    Status.PENDING_CUSTOMER: (Status.IN_PROGRESS, Status.RESOLVED),
    Status.RESOLVED: (Status.CLOSED, Status.IN_PROGRESS),
    Status.CLOSED: (),
}

OPEN_STATUSES = frozenset({Status.NEW, Status.TRIAGED, Status.IN_PROGRESS, Status.PENDING_CUSTOMER})


@cache
def path(current: Status, wanted: Status) -> tuple[Status, ...]:
    """The shortest legal way, without the start: () when already there. Raises InvalidTransition when there is none."""
    ways: list[tuple[Status, ...]] = [()]
    seen = {current}
    while ways:
        way = ways.pop(0)
        here = way[-1] if way else current
        if here is wanted:
            return way
        for following in EDGES[here]:
            if following not in seen:
                seen.add(following)
                ways.append((*way, following))
    raise InvalidTransition(current, wanted, EDGES[current])


@dataclass(frozen=True, slots=True)
class Edge:
    """One walked edge and what caused it: a fact's key."""

    before: Status
    after: Status
    at: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a clock: counted or not, and why. Ends are exact; `counted_seconds` honours the calendar."""

    start: datetime
    end: datetime | None  # None: still running
    counts: bool
    why: str  # running, with_bot, snoozed, waiting_for_customer, resolved, outside_hours is inside the calendar
    counted_seconds: float


@dataclass(frozen=True, slots=True)
class Clock:
    """One SLA clock. `deadline_at` is None while paused or without an end in sight; times are fact times."""

    metric: str  # first_response, next_response, resolution
    ordinal: int  # 1 for the first of its metric
    policy: str
    target_seconds: float
    started_at: datetime
    deadline_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None  # the deadline, once it has passed unmet (as of the time of the fold)
    paused: bool
    policy_hash: str = ""
    spans: tuple[Span, ...] = ()
    warned: tuple[tuple[int, datetime], ...] = ()  # (share of the target in percent, when it was used up)
    at_risk_from: int = 75  # the share from which on time runs out: the highest that its policy warns at

    @property
    def key(self) -> str:
        return f"{self.metric}:{self.ordinal}"

    @property
    def at_risk(self) -> bool:
        """Whether so much of the target is used up that somebody has to hurry."""
        return any(share >= self.at_risk_from for share, _ in self.warned)


@dataclass(frozen=True, slots=True)
class Resolution:
    """One resolved run: from resolved_at until reopened_at (None: still resolved)."""

    ordinal: int
    resolved_at: datetime
    reopened_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"resolution:{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The record: what the facts fold into, as of a time. Equal facts give equal tickets, in any order."""

    key: TicketKey
    created_at: datetime
    updated_at: datetime
    status: Status = Status.NEW
    generation: int = 1
    subject: str = ""
    channel: str = ""
    requester: Person | None = None
    tier: str | None = None
    category: str = ""
    priority: str = "medium"
    score: int = 0
    score_reasons: tuple[str, ...] = ()
    assignee: Person | None = None
    assignee_by: str = ""  # "source" (by hand or by Chatwoot), "routing", "escalation" or "operator"
    assignment: str = ""  # the key of our own decision that holds, or held last: routed:1, escalated:…, act:…
    team: Person | None = None
    tags: tuple[str, ...] = ()
    with_bot: bool = False
    can_reply: bool = True
    asked_upstream: bool = False  # Chatwoot put its own survey question
    auto_only: bool = False  # every customer message was an automatic reply
    waiting_since: datetime | None = None
    reopen_count: int = 0
    edges: tuple[Edge, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    clocks: tuple[Clock, ...] = ()
    answers: tuple[tuple[str, int, str], ...] = ()  # (survey, rating, feedback), the latest per survey
    routed: Routed | None = None
    missing: tuple[str, ...] = ()  # required fields that no fact has given yet
    description: str = ""  # the first customer text, cut
    source_status: str = ""  # the last status the source showed, in its own word
    registers_at: datetime | None = None  # the time of the snapshot that holds the registers
    asked: tuple[tuple[int, str], ...] = ()  # (resolution, why refused or ""): surveys decided
    internal: bool = False  # a request of our own people, not customer-facing
    organization: str = ""
    language: str = ""
    fields: tuple[tuple[str, str | int | bool], ...] = ()  # typed fields of the policy
    matched: Matched | None = None
    escalations: tuple[Escalated, ...] = ()
    resolution_text: str = ""  # what was done, of the current or last resolution
    proposed_close: str = ""  # who (a rule or an AI) proposed to close it, and why: a person decides
    closed_at: datetime | None = None
    closed_by: str = ""  # confirmation, quiet or agent
    previous: int | None = None  # our id of the closed ticket that this one follows
    customer_messages: int = 0  # since it was opened or last reopened
    acts: tuple[str, ...] = ()  # keys of the acts known
    replied: bool = False  # a human has answered in public
    confirmed_at: datetime | None = None  # when the customer confirmed the resolution that stands
    confirmations: tuple[str, ...] = ()  # keys of messages that were nothing but a confirmation, and reopened nothing


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only log; (ticket, name, key) is unique, so saying it again changes nothing."""

    name: str  # ticket.created, ticket.routed, ticket.assigned, ticket.status_changed, ticket.resolved, sla.breached …
    key: str
    at: datetime
    stage: str  # intake, routing, sla, csat
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Activity:
    """Something to do about a ticket by somebody; (ticket, kind, key) is unique."""

    kind: str  # satisfaction_survey, health_check, low_score, …
    key: str
    due_at: datetime
    reason: str
    assignee: Person | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An activity that nobody needs to do any more, and why; one that was never opened, or is done, stays so."""

    kind: str
    key: str
    reason: str
    state: str = "cancelled"  # or done: what happened was what it was for


@dataclass(frozen=True, slots=True)
class Timer:
    """A wish to look again at `due_at`; (ticket, kind, key) is unique."""

    kind: str  # sla, warning, priority, csat, reroute, escalation, closing
    key: str  # e.g. first_response:1, resolution:1
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What should be stored, in one transaction, and why. Timers are the whole wanted set; effects, events and
    activities only what may be new (unique keys make repetition harmless). `facts` are our own, to be added."""

    ticket: Ticket
    events: tuple[Event, ...] = ()
    timers: tuple[Timer, ...] = ()
    effects: tuple[Effect, ...] = ()
    facts: tuple[Fact, ...] = ()
    activities: tuple[Activity, ...] = ()
    ended: tuple[Ended, ...] = ()
