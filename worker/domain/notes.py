"""The private notes Hookdesk writes for the agents: what it decided and why, in a few lines."""

from __future__ import annotations

from worker.domain.ticket import Clock, Ticket
from worker.domain.wording import label, metric, when

_METRICS_OF_A_START = ("first_response", "resolution")


def routing_note(ticket: Ticket) -> str:
    """Why this team and agent, the category, the priority, and what is due when."""
    routed = ticket.routed
    lines: list[str] = []
    if routed is not None:
        team = f"team {label(routed.team)}" if routed.team is not None else "no team"
        agent = label(routed.agent) if routed.agent is not None else "nobody yet"
        routed_to = "Routed to" if routed.ordinal == 1 else "Rerouted to"
        lines.append(f"{routed_to} {team}, {agent}: {routed.reason}.")
    why = f" ({'; '.join(ticket.score_reasons)})" if ticket.score_reasons else ""
    lines.append(f"Category {ticket.category}. Priority {ticket.priority}, score {ticket.score}{why}.")
    due = [
        f"{metric(clock)} by {when(clock.deadline_at)}"
        for clock in ticket.clocks
        if clock.metric in _METRICS_OF_A_START and clock.deadline_at is not None and clock.met_at is None
    ]
    if due:
        lines.append(f"Due: {', '.join(due)} (policy {ticket.clocks[0].policy}).")
    return "\n".join(lines)


def breach_note(ticket: Ticket, clock: Clock) -> str:
    """Which promise was broken, when, and who has the ticket."""
    met = f" It was met at {when(clock.met_at)}." if clock.met_at is not None else ""
    return (
        f"SLA breached: {metric(clock)} was due by {when(clock.breached_at)} (policy {clock.policy})."
        f"{met} Assigned to {label(ticket.assignee)}, priority {ticket.priority}."
    )


def warning_note(ticket: Ticket, clock: Clock, share: int) -> str:
    """Which promise is at risk, how much time is used up, and until when it can be kept."""
    return (
        f"SLA at risk: {share} % of the time for {metric(clock)} is used up, it is due by {when(clock.deadline_at)} "
        f"(policy {clock.policy}). Assigned to {label(ticket.assignee)}, priority {ticket.priority}."
    )


def withdrawal_note(old: Clock, clock: Clock | None) -> str:
    """Takes a note about a breach back, with both times."""
    if clock is None:
        why = "it does not apply any more"
    elif clock.met_at is not None:
        why = f"it was met at {when(clock.met_at)}, which we heard of late"
    elif clock.deadline_at is not None:
        why = f"by what we heard since it is due by {when(clock.deadline_at)}"
    else:
        why = "by what we heard since it was paused before it was due"
    return f"SLA breach taken back: {metric(old)} was marked breached at {when(old.breached_at)}, but {why}."


def late_line(ticket: Ticket, clock: Clock) -> str:
    """One ticket in a notice about many: what was or is due when, and who has it."""
    name = f"{ticket.key.external_id} {ticket.subject}".strip()
    due = f"was due by {when(clock.breached_at)}" if clock.breached_at else f"is due by {when(clock.deadline_at)}"
    met = f", met at {when(clock.met_at)}" if clock.met_at is not None else ""
    return f"{name}: {metric(clock)} {due}{met}; {label(ticket.assignee)}, priority {ticket.priority}"
