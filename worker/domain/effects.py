"""Effects: what the domain asks the outside for. Rows, performed later by their own tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EffectKind(StrEnum):
    """Everything Hookdesk can ask of the outside."""

    ASSIGN_TEAM = "assign_team"
    ASSIGN_AGENT = "assign_agent"
    PRIVATE_NOTE = "private_note"
    SURVEY = "survey"


CUSTOMER_FACING = frozenset({EffectKind.SURVEY})
"""Kinds a customer sees: they wait for approval unless told otherwise, and expire sooner."""

SUPERSEDES = frozenset({EffectKind.ASSIGN_TEAM, EffectKind.ASSIGN_AGENT})
"""Kinds that set a field: a newer one cancels an older one of the same ticket that has not been performed."""


class EffectState(StrEnum):
    """Where an effect stands. Waiting states expire; done, cancelled, dead and dry_run are final."""

    PENDING = "pending"
    APPROVAL = "approval"
    NO_TARGET = "no_target"
    PERFORMING = "performing"
    RETRY = "retry"
    DONE = "done"
    CANCELLED = "cancelled"
    DEAD = "dead"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True)
class Effect:
    """One wish: unique per (ticket, kind, decision). `payload` is JSON; its shape belongs to the kind:

    assign_team  {"team_id": str, "team": name}
    assign_agent {"agent_id": str, "agent": name}
    private_note {"text": str}
    survey       {"text": str, "resolution": int}   `{link}` in the text is filled in when it is performed
    """

    kind: EffectKind
    decision: str  # e.g. "routed:1", "sla:first_response:1", "resolution:2"
    payload: Mapping[str, Any] = field(default_factory=dict)
