"""What a support desk decides for itself: the shape of `hookdesk.toml`, as frozen values.

Reading and checking the file is `worker.policy_file`; this module only holds what it found, and sensible defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Business hours: local windows per weekday in a time zone, less the holidays. No windows: round the clock."""

    name: str = "always"
    zone: str = "UTC"
    windows: tuple[tuple[int, time, time], ...] = ()  # (weekday 0=Monday, start, end); end 00:00 = midnight after
    holidays: frozenset[date] = frozenset()  # all of them: own dates, and the country's
    country: str = ""  # whose public holidays are among them, as two letters; with `subdivision` of it
    subdivision: str = ""


@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """Promised times for a class of tickets. A None target means no clock. Empty matchers match everything."""

    name: str
    calendar: Calendar
    first_response: timedelta | None = None
    next_response: timedelta | None = None
    resolution: timedelta | None = None
    priorities: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    pause_while_waiting_for_customer: bool = True
    warn_at: tuple[int, ...] = (50, 80)  # shares of the target in percent, rising


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """A named predicate with a target. Empty matchers match everything; the first rule that matches wins."""

    name: str
    team: str | None = None  # the team's name or id in Chatwoot; None: any agent
    categories: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()  # the agent must have all of these


@dataclass(frozen=True, slots=True)
class Category:
    """One of the closed list, with the words that suggest it and the report line it counts under."""

    name: str
    report_line: str
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    done: tuple[str, ...] = ()  # names of the checks of `domain.closing` that closing needs beside a resolution text


@dataclass(frozen=True, slots=True)
class AgentRule:
    """What the source cannot say about an agent, found by `agent` (its id or e-mail there)."""

    agent: str
    skills: tuple[str, ...] = ()
    capacity: int | None = None
    senior: bool = False


@dataclass(frozen=True, slots=True)
class OrganizationRule:
    """A known customer: whoever writes from one of its domains, or is said by the source to belong to it."""

    name: str
    domains: tuple[str, ...] = ()
    tier: str = ""
    value: int = 0  # in the desk's own unit, for reports and rules


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A typed field of the ticket, and the custom attribute of the source it is read from."""

    name: str
    kind: str = "text"  # text, whole, date, flag, one_of
    attribute: str = ""  # empty: the field's own name
    values: tuple[str, ...] = ()  # of one_of


@dataclass(frozen=True, slots=True)
class EscalationLevel:
    """One step: how long after the step before (the first: after the rule came true), and to whom."""

    after: timedelta = timedelta(0)
    team: str | None = None  # name or id in the source; None: a senior agent of the ticket's team, else any senior


@dataclass(frozen=True, slots=True)
class EscalationRule:
    """When a ticket goes to a senior. The matchers that are given must all hold; each rule fires once per ticket."""

    name: str
    reason: str  # for people: "the customer asks for a human"
    words: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    min_messages: int = 0  # of the customer, since the ticket was opened or reopened
    breached: tuple[str, ...] = ()  # metrics of SLA clocks: first_response, next_response, resolution
    max_rating: int = 0  # an answer to a survey of at most this
    priority: str = ""  # raised to at least this
    notify: tuple[str, ...] = ("assignee", "target", "lead")
    levels: tuple[EscalationLevel, ...] = (EscalationLevel(),)


@dataclass(frozen=True, slots=True)
class ReopenPolicy:
    """What a customer who writes after the resolution gets. Within the window the same agent and the same clocks."""

    window: timedelta = timedelta(days=3)
    agent_within: str = "same"  # same or route
    clocks_within: str = "resume"  # resume or restart
    agent_later: str = "route"
    clocks_later: str = "restart"


@dataclass(frozen=True, slots=True)
class ClosingPolicy:
    """When an external ticket closes: by the customer's words, or after a quiet time and a notice."""

    enabled: bool = True
    confirm_words: tuple[str, ...] = ()  # a message of nothing but these, after the resolution, is a confirmation
    polite_words: tuple[str, ...] = ()  # may stand beside them
    wait: timedelta = timedelta(minutes=5)  # before a confirmation closes, or a note says what is missing
    quiet: timedelta = timedelta(days=5)  # after the resolution, with nothing from the customer
    notice: timedelta = timedelta(days=1)  # the notice goes out this long before
    message: str = "We close this request on {date}, unless you write to us again."
    resolution_from: tuple[str, ...] = ("attribute", "note", "reply")  # where a resolution text is looked for, in order
    resolution_attribute: str = "resolution"
    resolution_prefix: str = "resolution:"  # of a private note
    health_check: timedelta = timedelta(days=7)  # after the resolution


@dataclass(frozen=True, slots=True)
class ReroutePolicy:
    """When a ticket that routing gave to somebody goes to somebody else."""

    away: timedelta = timedelta(minutes=10)  # the agent is gone so long while the customer waits


@dataclass(frozen=True, slots=True)
class Target:
    """Where outgoing events go: a URL that takes Standard Webhooks. Its secret is a setting, never in this file."""

    name: str
    url: str
    events: tuple[str, ...] = ()  # names like ticket.resolved; empty: all that are offered
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """Whom operators' notices reach: e-mail addresses and a signed webhook, by team."""

    leads: tuple[tuple[str, str], ...] = ()  # (team, address); the team "" is everybody else's
    webhook: str = ""
    allow_private: bool = False
    late: timedelta = timedelta(minutes=5)  # a breach heard of later than this is told in one notice per team


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Adds `points` to the priority score when it matches: words, channels, tiers, or a number of reopenings."""

    name: str
    points: int
    words: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    min_reopens: int = 0
    min_waiting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CsatPolicy:
    """When and how the customer is asked. `cooldown` is per requester."""

    enabled: bool = True
    delay: timedelta = timedelta(minutes=10)
    link_valid: timedelta = timedelta(days=7)
    editable: timedelta = timedelta(hours=1)
    cooldown: timedelta = timedelta(days=7)
    message: str = "How did we do? Your answer takes ten seconds: {link}"
    messages: tuple[tuple[str, str], ...] = ()  # (language, message) for those who speak it
    low_score: int = 2  # an answer of at most this opens a follow-up
    low_score_within: timedelta = timedelta(days=1)  # by when somebody should have called


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything configurable about decisions; `version` is a hash of the effective content."""

    version: str
    categories: tuple[Category, ...]
    default_category: str
    score_rules: tuple[ScoreRule, ...]
    routing: tuple[RoutingRule, ...]
    sla: tuple[SlaPolicy, ...]
    csat: CsatPolicy
    default_capacity: int = 20
    roster_max_age: timedelta = timedelta(minutes=3)
    effect_modes: tuple[tuple[str, str], ...] = ()  # per kind: live, approve, dry-run; overrides HOOKDESK_EFFECTS
    agents: tuple[AgentRule, ...] = ()
    organizations: tuple[OrganizationRule, ...] = ()
    fields: tuple[FieldRule, ...] = ()
    escalation: tuple[EscalationRule, ...] = ()
    reopen: ReopenPolicy = field(default=ReopenPolicy())
    closing: ClosingPolicy = field(default=ClosingPolicy())
    reroute: ReroutePolicy = field(default=ReroutePolicy())
    targets: tuple[Target, ...] = ()
    notices: NoticePolicy = field(default=NoticePolicy())
    templates: tuple[tuple[str, str], ...] = ()  # (name, text with placeholders): canned texts
    clocks_from: datetime | None = None  # older conversations get clocks from the customer's next message after it
