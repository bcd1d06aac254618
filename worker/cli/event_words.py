"""The events of a ticket's log told to people: what each name means, and the numbers behind a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

EVENTS: Mapping[str, str] = {
    "requester.matched": "customer recognised",
    "ticket.created": "ticket opened",
    "ticket.folded": "same request again",
    "ticket.acted": "somebody acted",
    "ticket.categorised": "category set",
    "ticket.prioritised": "priority set",
    "ticket.status_changed": "status changed",
    "ticket.routed": "routing decided",
    "ticket.rerouted": "routing decided anew",
    "ticket.not_rerouted": "routing left as it is",
    "ticket.assigned": "agent assigned",
    "ticket.unassigned": "agent taken off",
    "ticket.escalated": "escalated",
    "ticket.resolved": "resolved",
    "ticket.reopened": "reopened",
    "ticket.close_proposed": "closing proposed",
    "ticket.close_blocked": "closing not possible",
    "ticket.close_waits": "closing waits",
    "ticket.closing_announced": "closing announced",
    "ticket.closed": "closed",
    "sla.started": "clock started",
    "sla.retargeted": "promise changed",
    "sla.warned": "time is running out",
    "sla.breached": "promise broken",
    "sla.breach_withdrawn": "breach taken back",
    "sla.met": "clock stopped",
    "csat.scheduled": "survey planned",
    "csat.asked": "survey asked for",
    "csat.cancelled": "no survey",
    "csat.answered": "survey answered",
    "csat.answer_too_late": "answer came too late",
    "csat.low_score": "bad answer",
    "csat.low_score_withdrawn": "bad answer taken back",
    "activity.created": "follow-up opened",
    "activity.done": "follow-up done",
    "activity.cancelled": "follow-up called off",
}
"""Every name that the log may hold."""

STAGES: Mapping[str, str] = {
    "receipt": "what arrived",
    "intake": "what it is about",
    "routing": "who does it",
    "sla": "by when",
    "csat": "was it done well",
    "timer": "a look at a set time",
    "effect": "what Hookdesk asked for elsewhere, and what came of it",
    "delivery": "how processing went",
    "policy": "whose rules decide",
}
"""What the words in the column `stage` mean."""

_MOST_CANDIDATES = 20


def what(name: str) -> str:
    """The name in words; an unknown one as it is written."""
    return EVENTS.get(name, name.replace(".", " ").replace("_", " "))


def numbers(data: Mapping[str, Any]) -> Iterator[str]:
    """Whom a routing or an escalation looked at: each with the numbers that were compared."""
    looked_at = data.get("candidates") or []
    if not looked_at:
        return
    chosen = ((data.get("target") or data).get("agent") or {}).get("id")
    for one in looked_at[:_MOST_CANDIDATES]:
        yield _candidate(one, chosen)
    if len(looked_at) > _MOST_CANDIDATES:
        yield f"and {len(looked_at) - _MOST_CANDIDATES} more"


def _candidate(one: Mapping[str, Any], chosen: str | None) -> str:
    agent = one.get("agent") or {}
    load = f"{one.get('open_tickets')} of {one.get('capacity')} tickets open"
    idle = f", last given one at {_minute(one['idle_since'])}" if one.get("idle_since") else ""
    why_not = f"not taken: {one['rejected']}" if one.get("rejected") else ""
    verdict = why_not or ("taken" if chosen is not None and agent.get("id") == chosen else "free, but not first")
    return f"{agent.get('name') or agent.get('id') or 'somebody'}: {load}{idle}; {verdict}"


def _minute(moment: str) -> str:
    """`2026-06-18T09:00:02.123+00:00` without what nobody reads."""
    return moment[:16].replace("T", " ")
