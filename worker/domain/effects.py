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
    SET_STATUS = "set_status"
    SET_PRIORITY = "set_priority"
    ADD_LABELS = "add_labels"
    SET_ATTRIBUTES = "set_attributes"
    PRIVATE_NOTE = "private_note"
    REPLY = "reply"
    SURVEY = "survey"
    CLOSING_NOTICE = "closing_notice"
    OPERATOR_NOTICE = "operator_notice"
    EVENT = "event"


CUSTOMER_FACING = frozenset({EffectKind.SURVEY, EffectKind.CLOSING_NOTICE})
"""Kinds a customer sees that no person wrote: they wait for approval unless told otherwise, and expire sooner.

A reply is written by a person, whose act is its approval.
"""

_WRITTEN = CUSTOMER_FACING | {EffectKind.REPLY}

SUPERSEDES = frozenset(
    {EffectKind.ASSIGN_TEAM, EffectKind.ASSIGN_AGENT, EffectKind.SET_STATUS, EffectKind.SET_PRIORITY}
)
"""Kinds that set a field: a newer one cancels an older one of the same ticket that has not been performed."""

CHATWOOT, MAIL, NOTICE, EVENT = "chatwoot", "mail", "notice", "event"
"""Lanes: effects of one ticket and lane are performed one at a time, in order; lanes do not wait for each other."""


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

    assign_team     {"team_id": str, "team": name}
    assign_agent    {"agent_id": str, "agent": name}  without anybody: None, "nobody"
    set_status      {"status": "open"|"resolved"|"snoozed"|"pending", "snoozed_until": epoch seconds or absent}
    set_priority    {"priority": "low"|"medium"|"high"|"urgent"}
    add_labels      {"labels": [str]}            read, merged, written
    set_attributes  {"attributes": {name: str}}  of the conversation; read, merged, written
    private_note    {"text": str}
    reply           {"text": str, "actor": str}
    survey          {"text": str, "resolution": int, "template": str, "language": two letters or ""}
                    `{link}` is filled in when it is performed
    closing_notice  {"text": str, "resolution": int, "template": str}
                    these three with "to" and "subject" where they go by mail
    operator_notice {"subject": str, "text": str, "to": [who], "team": name or None, "late": bool}
                    who: "assignee", "target", "lead" or an address; resolved into addresses when it is decided
    event           {"target": name, "type": "ticket.resolved" …, "data": {…}, "at": ISO time}
    """

    kind: EffectKind
    decision: str  # e.g. "routed:1", "sla:first_response:1", "resolution:2"
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        """Which other side performs it: chatwoot, mail, notice, or `event:<target>`."""
        if self.kind in _WRITTEN and "to" in self.payload:
            return MAIL
        if self.kind is EffectKind.OPERATOR_NOTICE:
            return NOTICE
        return f"{EVENT}:{self.payload['target']}" if self.kind is EffectKind.EVENT else CHATWOOT
