"""Two judgements in hindsight: what a delivery came to, and whether an effect is still wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from worker.domain.answers import has_answer
from worker.domain.effects import EffectKind
from worker.domain.facts import Parsed, Snapshot
from worker.domain.outgoing import is_obsolete
from worker.domain.promise_keys import why_unwanted
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
            return why_unwanted(decision, ticket) or _low_score(decision, payload, ticket)
        case EffectKind.OPERATOR_NOTICE:
            return why_unwanted(decision, ticket) or _low_score(decision, payload, ticket)
        case EffectKind.EVENT:
            return "breach_withdrawn" if is_obsolete(payload, ticket) else None
        case EffectKind.SURVEY:
            return _survey(payload, ticket)
        case EffectKind.CLOSING_NOTICE:
            return _closing_notice(payload, ticket)
        case EffectKind.SET_STATUS:
            return _status(payload, ticket)
        case EffectKind.SET_PRIORITY if ticket.status is not Status.CLOSED:
            return None if payload["priority"] == ticket.priority else "priority_moved"
        case EffectKind.SET_PRIORITY | EffectKind.ADD_LABELS | EffectKind.SET_ATTRIBUTES | EffectKind.REPLY:
            return "closed" if ticket.status is Status.CLOSED else None
    return None


def _assignment(kind: str, decision: str, payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    """Wanted as long as the ticket is theirs, whoever decided that last."""
    if ticket.status is Status.CLOSED:
        return "closed"  # a resolved one may be opened again, and is then still theirs whom we chose
    chosen, name = (ticket.team, "team_id") if kind == EffectKind.ASSIGN_TEAM else (ticket.assignee, "agent_id")
    if name in payload and payload[name] == (chosen.id if chosen is not None else None):
        return None
    if ticket.assignee_by == "source":
        return "assigned_by_hand"
    is_newest = decision == ticket.assignment
    return "team_set_by_hand" if is_newest and kind == EffectKind.ASSIGN_TEAM else "superseded"


def _low_score(decision: str, payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    """What tells of a low score is not wanted once the customer has thought better of it."""
    if not decision.startswith("low_score:"):
        return None
    rating = next((rating for survey, rating, _ in ticket.answers if survey == payload.get("survey")), 0)
    return "answer_changed" if rating > payload["low_score"] else None


def _status(payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    """We ask for what the ticket has become by our own doors; if it has become something else since, that holds."""
    is_resolved = ticket.status in (Status.RESOLVED, Status.CLOSED)
    return None if is_resolved == (payload["status"] == "resolved") else "status_moved"


def _closing_notice(payload: Mapping[str, Any], ticket: Ticket) -> str | None:
    current = ticket.resolutions[-1] if ticket.resolutions else None
    if current is None or current.ordinal != payload.get("resolution") or current.reopened_at is not None:
        return "reopened"
    if ticket.status is Status.CLOSED:
        return "closed"
    if ticket.confirmed_at is not None:
        return "confirmed"
    return None if ticket.can_reply else "cannot_reply"


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
