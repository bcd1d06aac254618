"""After the roster was refreshed: which tickets may find somebody now, or are about to lose who is away.

Nothing is decided here. What the domain would do with a ticket is tried on paper, without any lock, and those where
something would come of it get a timer; the decision is taken when it fires, under the ticket's lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from worker import log
from worker.domain.assigning import AWAY_TIMER, QUEUE_TIMER
from worker.domain.facts import Routed
from worker.domain.policy import Policy
from worker.domain.rerouting import Why, away_enough_at, reroute, why_move
from worker.domain.routing import ONLINE, SUPPORT_ROLES, Roster
from worker.domain.ticket import Ticket, Timer
from worker.store import people, timers, waiting
from worker.store.database import Database
from worker.store.waiting import Waiting

LOOKED_AT = 500  # tickets of each kind, the most urgent ones, in one go

logger = log.get(__name__)


def look_again(db: Database, policy: Policy) -> int:
    """Set the timers; returns how many tickets are to be looked at, now or later."""
    with db.read() as conn:
        now = db.now(conn)
        roster = people.roster(conn, lock=False)
        away = people.away(conn)
        left = waiting.with_customers_waiting(conn, away, timer=AWAY_TIMER, limit=LOOKED_AT)
        is_of_use = roster.is_current(policy.roster_max_age, now) and _has_room(roster, policy)
        queued = waiting.queued(conn, limit=LOOKED_AT) if is_of_use else []
    told, wanted = _split(left, away, policy)
    if is_of_use:
        wanted += _takers([*told, *queued], away, roster, policy, now=now)
    if not wanted:
        return 0
    with db.write() as conn:
        waiting.lock(conn, {ticket_id for ticket_id, _ in wanted})
        timers.wish(conn, wanted)
    logger.info("looking_again", tickets=len(wanted))
    return len(wanted)


def _has_room(roster: Roster, policy: Policy) -> bool:
    return any(
        one.role in SUPPORT_ROLES
        and one.availability == ONLINE
        and one.open_tickets < (policy.default_capacity if one.capacity is None else one.capacity)
        for one in roster.agents
    )


def _split(
    left: list[Waiting], away: dict[str, datetime], policy: Policy
) -> tuple[list[Waiting], list[tuple[int, Timer]]]:
    """Those that were looked at since their agent has been away long enough, and the first look at the others."""
    told: list[Waiting] = []
    first: list[tuple[int, Timer]] = []
    for one in left:
        at = away_enough_at(one.ticket, policy, _away_since(one.ticket, away))
        if at is not None and one.looked_at is not None and one.looked_at >= at:
            told.append(one)
        elif at is not None:
            first.append((one.id, Timer(*AWAY_TIMER, at)))
    return told, first


def _takers(
    candidates: list[Waiting], away: dict[str, datetime], roster: Roster, policy: Policy, *, now: datetime
) -> Iterator[tuple[int, Timer]]:
    """Those that somebody would take, each taken off the room there is."""
    for one in candidates:
        since = _away_since(one.ticket, away)
        why = why_move(one.ticket, policy, away_since=since, chosen_at=now, now=now)
        moved = reroute(one.ticket, why, roster, policy, now=now) if why is not None else None
        if isinstance(moved, Routed) and moved.agent is not None and moved.agent.id is not None:
            was = one.ticket.assignee.id if one.ticket.assignee is not None else None
            roster = roster.with_assigned(moved.agent.id, now, instead_of=was)
            yield one.id, Timer(*(AWAY_TIMER if why is Why.AWAY else QUEUE_TIMER), now)


def _away_since(ticket: Ticket, away: dict[str, datetime]) -> datetime | None:
    return away.get(ticket.assignee.id or "") if ticket.assignee is not None else None
