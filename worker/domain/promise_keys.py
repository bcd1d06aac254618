"""The keys under which the notes and notices about SLA clocks are asked for, and whether they are still wanted."""

from __future__ import annotations

from datetime import datetime

from worker.domain.ticket import OPEN_STATUSES, Clock, Ticket

BREACH, WARNING, WITHDRAWAL = "sla", "warned", "withdrawn"


def of_breach(clock: Clock) -> str:
    """A clock whose breach was taken back may break again, at another time: that is told again."""
    return f"{BREACH}:{breach_key(clock)}"


def of_warning(clock: Clock, share: int) -> str:
    """Each share is told of once, also when a pause heard of late has moved the moment."""
    return f"{WARNING}:{warning_key(clock, share)}"


def of_withdrawal(clock: Clock, breach: str) -> str:
    """The one that takes back what was told under the decision `breach`, which older ones have without a time."""
    told_at = breach.removeprefix(f"{BREACH}:{clock.key}").removeprefix(":")
    return f"{WITHDRAWAL}:{clock.key}:{told_at or moment(clock.breached_at)}"


def breach_key(clock: Clock) -> str:
    """`first_response:1:` and the deadline that passed; of the event, too."""
    return f"{clock.key}:{moment(clock.breached_at)}"


def warning_key(clock: Clock, share: int) -> str:
    """`first_response:1:80`; of the event and the timer, too."""
    return f"{clock.key}:{share}"


def moment(at: datetime | None) -> str:
    """A time inside a key."""
    return at.isoformat() if at is not None else ""


def why_unwanted(decision: str, ticket: Ticket) -> str | None:
    """None while the note or notice is wanted, or is none of ours; else the word of `wording.NOT_WANTED`."""
    about, _, rest = decision.partition(":")
    if about not in (BREACH, WARNING):
        return None
    metric, ordinal, detail = (*rest.split(":", 2), "", "")[:3]
    clock = next((one for one in ticket.clocks if one.key == f"{metric}:{ordinal}"), None)
    if about == BREACH:
        breached_at = clock.breached_at if clock is not None else None
        return None if breached_at is not None and detail in ("", moment(breached_at)) else "breach_withdrawn"
    if clock is None or detail not in {str(share) for share, _ in clock.warned}:
        return "deadline_moved"
    if clock.met_at is not None:
        return "met"
    if ticket.status not in OPEN_STATUSES:
        return "resolved"
    return "breached" if clock.breached_at is not None else None
