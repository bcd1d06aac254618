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
    holidays: frozenset[date] = frozenset()


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


@dataclass(frozen=True, slots=True)
class Category:
    """One of the closed list, with the words that suggest it and the report line it counts under."""

    name: str
    report_line: str
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


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
    senior_tiers: tuple[str, ...] = field(default=())
    clocks_from: datetime | None = None  # older conversations get clocks from the customer's next message after it
