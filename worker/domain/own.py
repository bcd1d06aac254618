"""Facts of our own making: what was decided and done here, kept so that a replay comes out the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from worker.domain.heard import Person


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as routing saw them: the numbers it compared, and why not, when not."""

    agent: Person
    open_tickets: int
    capacity: int
    idle_since: datetime | None
    rejected: str = ""
    skills: tuple[str, ...] = ()
    away_since: datetime | None = None  # when the agent was first seen not online


UPSTREAM = "set in the source"
BY_ESCALATION = "set by an escalation"
BY_OPERATOR = "set by an operator"
GIVEN = frozenset({UPSTREAM, BY_ESCALATION, BY_OPERATOR})
"""What stands for a rule where the team was given before routing chose the agent."""


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
    instead_of: Person | None = None  # who had it until then, of a ticket that moves
    after: datetime | None = None  # the newest snapshot that was known, by the source's clock

    @property
    def key(self) -> str:
        return f"routed:{self.ordinal}"

    @property
    def chosen_team(self) -> Person | None:
        """The team, if this chose one: not one that was given already, nor where the ticket stays with who has it."""
        stays = self.agent is not None and self.instead_of is not None and self.agent.id == self.instead_of.id
        return None if stays or self.rule in GIVEN else self.team


@dataclass(frozen=True, slots=True)
class Asked:
    """Our own decision about the survey of one resolution: asked, or why not. Never taken twice."""

    resolution: int
    at: datetime
    refused: str = ""

    @property
    def key(self) -> str:
        return f"asked:{self.resolution}"


class Verb(StrEnum):
    """What a person or a program may do to a ticket, by the API or the command line."""

    CREATE = "create"
    TRIAGE = "triage"  # set or amend category, priority, tags and fields
    ASSIGN = "assign"
    ESCALATE = "escalate"
    REPLY = "reply"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Act:
    """One verb as it was used. `id` is the caller's idempotency key: the same key twice is one act.

    None and empty mean "not said"; `automatic` is an act of a rule or an AI, which may propose but never close.
    """

    id: str
    at: datetime
    verb: Verb
    actor: str
    automatic: bool = False
    text: str = ""  # of a reply; of a resolution; of the request when it creates
    reason: str = ""
    agent: Person | None = None
    team: Person | None = None
    subject: str = ""
    category: str = ""
    priority: str = ""
    channel: str = ""
    internal: bool | None = None
    tags: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    requester: Person | None = None
    digest: str = ""  # of what was asked for, so that the same id with another wish is noticed

    @property
    def key(self) -> str:
        return f"act:{self.id}"


@dataclass(frozen=True, slots=True)
class Escalated:
    """Our own decision to escalate, once per reason (`rule`) and level; a level goes up by waiting."""

    rule: str
    level: int
    at: datetime
    reason: str
    team: Person | None = None
    agent: Person | None = None
    priority: str = ""  # at least this from now on; empty: unchanged
    candidates: tuple[Candidate, ...] = ()
    written: str | None = None  # the priority to set in the source, empty for none; None: not told by an older version
    after: datetime | None = None  # see Routed

    @property
    def key(self) -> str:
        return f"escalated:{self.rule}:{self.level}"


FOLLOWED = "followed"


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a resolved run: by `confirmation`, after a `quiet` time, or by an `agent`.

    What was written before it and is heard of late takes it back, unless there is another one, of resolution 0, that
    says the ticket is `followed`: the conversation goes on in the next ticket, whatever comes out about this one.
    """

    resolution: int
    at: datetime
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"closed:{self.resolution}"


@dataclass(frozen=True, slots=True)
class Followed:
    """This ticket follows a closed one of the same conversation: what happened until `after` is that one's."""

    at: datetime
    after: datetime
    previous: int  # our id of the closed ticket
    generation: int = 2

    @property
    def key(self) -> str:
        return "followed"


@dataclass(frozen=True, slots=True)
class Matched:
    """Whom we know the requester to be, as of a time: contact, organisation and what went before."""

    contact: int  # our id
    at: datetime
    organization: str = ""
    tier: str = ""
    value: int = 0  # the organisation's, in the desk's own unit
    language: str = ""
    earlier: int = 0  # tickets before this one
    last_ticket: int | None = None  # our id of the newest of them
    last_at: datetime | None = None

    @property
    def key(self) -> str:
        """Another one with the organisation: where that is learnt later, the match is told again."""
        name = self.organization.casefold()
        return f"matched:{self.contact}:{name}" if name else f"matched:{self.contact}"


@dataclass(frozen=True, slots=True)
class Folded:
    """The same request came by another door too: what arrives there under this key is this ticket's from now on."""

    source: str
    external_id: str
    at: datetime  # when it was written there

    @property
    def key(self) -> str:
        return f"folded:{self.source}:{self.external_id}"
