"""When a ticket that was routed goes to somebody else, or to somebody at last: three reasons, and what comes of each.

It waits in a queue and somebody can take it now; the agent whom routing chose has been away for a while and the
customer waits; it was reopened, and the policy, or the lack of an agent, asks to choose anew. Whoever was chosen by
hand, by an escalation or by an operator is left alone, and nobody loses a ticket twice for being away once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from worker.domain.facts import Routed
from worker.domain.policy import Policy
from worker.domain.reopening import wants_new_agent
from worker.domain.routing import Roster, is_ours_to_route, queue_of, route, tally
from worker.domain.ticket import Event, Ticket
from worker.domain.wording import label

BY_ROUTING = "routing"


class Why(StrEnum):
    """Why a ticket moves."""

    QUEUE = "queue"
    AWAY = "away"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Kept:
    """Nobody else could take it, so it stays; told once per time that its agent is away."""

    event: Event


def why_move(
    ticket: Ticket, policy: Policy, *, away_since: datetime | None, chosen_at: datetime | None, now: datetime
) -> Why | None:
    """The reason to look for somebody now. `away_since` is when its agent was first seen away (None: is there),
    `chosen_at` when somebody was last chosen for it, by us or by hand."""
    if ticket.routed is None or not is_ours_to_route(ticket):
        return None
    if wants_new_agent(ticket, policy.reopen, chosen_at=chosen_at) or _came_back_to_nobody(ticket, chosen_at):
        return Why.REOPENED
    if in_queue(ticket):
        return Why.QUEUE
    at = away_enough_at(ticket, policy, away_since)
    return Why.AWAY if at is not None and at <= now else None


def in_queue(ticket: Ticket) -> bool:
    """Whether it was left to a team's queue; one that somebody was taken off by hand is left to people."""
    return ticket.routed is not None and ticket.assignee is None and ticket.assignee_by == ""


def away_enough_at(ticket: Ticket, policy: Policy, away_since: datetime | None) -> datetime | None:
    """From when on the ticket may leave its agent; None as long as nothing speaks for that."""
    if ticket.assignee is None or ticket.assignee_by != BY_ROUTING or ticket.waiting_since is None:
        return None
    return away_since + policy.reroute.away if away_since is not None else None


def reroute(ticket: Ticket, why: Why, roster: Roster | None, policy: Policy, *, now: datetime) -> Routed | Kept | None:
    """The next decision; or that it stays where it is, told once; or nothing, because nothing has changed."""
    if why is Why.QUEUE and (roster is None or not roster.is_current(policy.roster_max_age, now)):
        return None  # nobody to give it to
    because = _because(ticket, why, roster, now)
    routed = route(ticket, roster, policy, now=now, because=because)
    if routed.agent is not None:
        return replace(routed, instead_of=ticket.assignee)
    if ticket.assignee is None:
        return routed if why is Why.REOPENED and not in_queue(ticket) else None
    if roster is None or not roster.is_current(policy.roster_max_age, now):
        return None
    who = label(ticket.assignee)
    stays = f"{because}; nobody else can take it ({tally(routed.candidates)}), so it stays with {who}"
    if why is Why.REOPENED:
        return replace(routed, team=ticket.team, agent=ticket.assignee, reason=stays, instead_of=ticket.assignee)
    agent = roster.agent(ticket.assignee.id)
    since = agent.away_since.isoformat() if agent is not None and agent.away_since is not None else ""
    data = {"agent": {"id": ticket.assignee.id, "name": ticket.assignee.name}, "away_since": since}
    return Kept(Event("ticket.not_rerouted", f"{ticket.assignee.id}@{since}", now, "routing", stays, data))


def _came_back_to_nobody(ticket: Ticket, chosen_at: datetime | None) -> bool:
    """It was reopened, and has no agent since."""
    last = ticket.resolutions[-1].reopened_at if ticket.resolutions else None
    return ticket.assignee is None and last is not None and (chosen_at is None or chosen_at < last)


def _because(ticket: Ticket, why: Why, roster: Roster | None, now: datetime) -> str:
    match why:
        case Why.QUEUE:
            since = f" since {_at(ticket.routed.at, now)}" if ticket.routed is not None else ""
            return f"it waited in {queue_of(ticket.team)}{since}"
        case Why.REOPENED:
            run = ticket.resolutions[-1]
            return (
                f"it was resolved at {_at(run.resolved_at, now)} and reopened at {_at(run.reopened_at or now, now)}, "
                f"so it is routed anew"
            )
    agent = roster.agent(ticket.assignee.id) if roster is not None and ticket.assignee is not None else None
    away = "is busy since" if agent is not None and agent.availability == "busy" else "went offline at"
    since = f" {_at(agent.away_since, now)}" if agent is not None and agent.away_since is not None else ""
    waits = f" and the customer waits since {_at(ticket.waiting_since, now)}" if ticket.waiting_since else ""
    return f"{label(ticket.assignee)} {away}{since}{waits}"


def _at(moment: datetime, now: datetime) -> str:
    """The time of day, with the date unless it is today's."""
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"
