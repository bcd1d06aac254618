"""Two judgements in hindsight: what a delivery came to, and whether an effect is still wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from worker.domain.csat import has_answer
from worker.domain.effects import EffectKind
from worker.domain.facts import Parsed, Snapshot
from worker.domain.ticket import Status, Ticket


def outcome_of(
    parsed: Parsed,
    new_keys: Collection[str],
    before: Ticket | None,
    after: Ticket | None,
    *,
    known_at: datetime | None = None,
) -> str:
    """`ignored`, `duplicate` (it told nothing new), `stale` (only registers, and older than known) or `processed`.

    What was known is `before`, and, where a batch brought more before this delivery, the time `known_at` of the newest
    snapshot so far. `after` plays no part: what came later does not make this one late.
    """
    if parsed.ignored:
        return "ignored"
    new = [fact for fact in parsed.facts if fact.key in new_keys]
    if not new:
        return "duplicate"
    known = [at for at in (before.registers_at if before is not None else None, known_at) if at is not None]
    if known and all(isinstance(fact, Snapshot) and fact.at < max(known) for fact in new):
        return "stale"
    return "processed"


def is_wanted(kind: str, decision: str, payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    """None when the effect is still wanted, else the word why not. Asked before every try."""
    match kind:
        case EffectKind.ASSIGN_AGENT | EffectKind.ASSIGN_TEAM:
            return _assignment(kind, decision, payload, ticket)
        case EffectKind.PRIVATE_NOTE:
            return _note(decision, ticket)
        case EffectKind.SURVEY:
            return _survey(payload, ticket)
    return None


def _assignment(kind: str, decision: str, payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    if ticket.status in (Status.RESOLVED, Status.CLOSED):
        return "resolved"
    if ticket.assignee_by == "source":
        return "assigned_by_hand"
    if ticket.routed is not None and decision != ticket.routed.key:
        return "superseded"
    if kind == EffectKind.ASSIGN_TEAM and ticket.team is not None and ticket.team.id != payload.get("team_id"):
        return "team_set_by_hand"
    return None


def _note(decision: str, ticket: Ticket) -> str | None:
    """A note about a breach is not wanted once the breach was taken back."""
    if not decision.startswith("sla:"):
        return None
    key = decision.removeprefix("sla:")
    is_breached = any(clock.key == key and clock.breached_at is not None for clock in ticket.clocks)
    return None if is_breached else "breach_withdrawn"


def _survey(payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    resolution = payload.get("resolution")
    current = ticket.resolutions[-1] if ticket.resolutions else None
    if current is None or current.ordinal != resolution or current.reopened_at is not None:
        return "reopened"
    if has_answer(ticket, current.ordinal):
        return "answered"
    if ticket.asked_upstream:
        return "asked_upstream"
    return None if ticket.can_reply else "cannot_reply"
