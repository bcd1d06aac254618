"""What a customer who writes after the resolution gets: the same agent and clocks, or new ones, by how late it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from worker.domain.policy import ReopenPolicy
from worker.domain.ticket import OPEN_STATUSES, Resolution, Ticket

SAME, ROUTE = "same", "route"
RESUME, RESTART = "resume", "restart"


@dataclass(frozen=True, slots=True)
class Reopening:
    """The end of one resolved run, and what the policy's window makes of it."""

    resolution: int  # the ordinal of the resolution that did not hold
    at: datetime
    is_within: bool  # the policy's window; at its last microsecond is within
    agent: str  # SAME or ROUTE
    clocks: str  # RESUME or RESTART


def reopenings(runs: Iterable[Resolution], policy: ReopenPolicy) -> Iterator[Reopening]:
    """Each reopening in order of time. The window is counted from the resolution that was reopened."""
    for run in runs:
        if run.reopened_at is None:
            continue
        is_within = run.reopened_at - run.resolved_at <= policy.window
        agent = policy.agent_within if is_within else policy.agent_later
        clocks = policy.clocks_within if is_within else policy.clocks_later
        yield Reopening(run.ordinal, run.reopened_at, is_within, agent, clocks)


def wants_new_agent(ticket: Ticket, policy: ReopenPolicy, *, chosen_at: datetime | None) -> bool:
    """Whether the last reopening asks to route the ticket anew, and nobody has been chosen since.

    `chosen_at` is when somebody was last chosen for it, by us (`story.assignments[-1].at`, also when it was put into
    a team's queue) or by hand: a choice at the reopening or later stands. False for a ticket that is not open.
    """
    last = max(reopenings(ticket.resolutions, policy), key=lambda one: one.at, default=None)
    if last is None or last.agent != ROUTE or ticket.status not in OPEN_STATUSES:
        return False
    return chosen_at is None or chosen_at < last.at


def restarts(runs: Iterable[Resolution], policy: ReopenPolicy) -> tuple[datetime, ...]:
    """The moments from which the resolution is promised anew."""
    return tuple(one.at for one in reopenings(runs, policy) if one.clocks == RESTART)
