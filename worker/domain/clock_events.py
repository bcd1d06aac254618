"""What changed on a ticket's SLA clocks, as lines of the append-only log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from worker.domain import promise_keys
from worker.domain.ticket import Clock, Event, Ticket
from worker.domain.wording import hours, label, metric, when


def clock_events(before: Ticket | None, ticket: Ticket) -> Iterator[Event]:
    """Started, retargeted, warned, breached, breach withdrawn, met: each once, by the time of the fact."""
    known = {clock.key: clock for clock in before.clocks} if before is not None else {}
    for clock in ticket.clocks:
        old = known.pop(clock.key, None)
        if old is None or old != clock:
            yield from _changed(old, clock, ticket)
    for old in known.values():
        if old.breached_at is not None:
            yield _withdrawn(old, old, ticket, f"the {metric(old)} clock does not apply any more")


def _changed(old: Clock | None, clock: Clock, ticket: Ticket) -> Iterator[Event]:
    if old is None:
        yield _event("sla.started", clock, clock.started_at, _promise(clock))
    elif (old.policy, old.target_seconds) != (clock.policy, clock.target_seconds):
        reason = f"{_promise(clock)}; before it was {hours(old.target_seconds)} (policy {old.policy!r})"
        key = f"{clock.key}:{clock.policy}:{clock.target_seconds:g}"
        yield _event("sla.retargeted", clock, ticket.updated_at, reason, key=key)
    said = {share for share, _ in old.warned} if old is not None else set()
    for share, at in clock.warned:
        if share not in said:
            key = promise_keys.warning_key(clock, share)
            yield _event("sla.warned", clock, at, _warning(clock, share), key=key, share=share)
    was_breached_at = old.breached_at if old is not None else None
    if old is not None and was_breached_at not in (None, clock.breached_at):
        yield _withdrawn(old, clock, ticket, _withdrawal(old, clock))
    if clock.breached_at not in (None, was_breached_at):
        key = promise_keys.breach_key(clock)
        yield _event("sla.breached", clock, clock.breached_at, _breach(clock, ticket), key=key)
    if clock.met_at is not None and (old is None or old.met_at is None):
        key = f"{clock.key}:{promise_keys.moment(clock.met_at)}"  # after a reopening it may be met again
        yield _event("sla.met", clock, clock.met_at, _met(clock), key=key)


def _promise(clock: Clock) -> str:
    by = f", so by {when(clock.deadline_at)}" if clock.deadline_at is not None else ""
    return f"{metric(clock)} within {hours(clock.target_seconds)} of counted time{by} (policy {clock.policy!r})"


def _warning(clock: Clock, share: int) -> str:
    due = f"; it is due by {when(clock.deadline_at)}" if clock.deadline_at is not None else ""
    return f"{share} % of the {hours(clock.target_seconds)} for {metric(clock)} are used up{due}"


def _breach(clock: Clock, ticket: Ticket) -> str:
    owner = label(ticket.assignee) if ticket.assignee else "nobody"
    return f"{metric(clock)} was due by {when(clock.breached_at)} (policy {clock.policy!r}); assigned to {owner}"


def _met(clock: Clock) -> str:
    due = f"; it was due by {when(clock.deadline_at)}" if clock.deadline_at is not None else ""
    return f"{metric(clock)} met {'late' if clock.breached_at is not None else 'in time'}{due}"


def _withdrawal(old: Clock, clock: Clock) -> str:
    really = f"met at {when(clock.met_at)}, heard of late" if clock.met_at is not None else "its deadline has moved"
    if clock.breached_at is not None:
        really = f"due by {when(clock.breached_at)}"
    return f"{metric(clock)} was marked breached at {when(old.breached_at)}, but was {really}"


def _withdrawn(old: Clock, clock: Clock, ticket: Ticket, reason: str) -> Event:
    was = promise_keys.moment(old.breached_at)
    key = promise_keys.breach_key(old)
    return _event("sla.breach_withdrawn", clock, ticket.updated_at, reason, key=key, was_breached_at=was)


def _event(name: str, clock: Clock, at: datetime, reason: str, *, key: str | None = None, **more: Any) -> Event:
    data = {
        "clock": clock.key,
        "policy": clock.policy,
        "policy_hash": clock.policy_hash,
        "target_seconds": clock.target_seconds,
        "started_at": clock.started_at.isoformat(),
        "deadline_at": clock.deadline_at.isoformat() if clock.deadline_at else None,
        "met_at": clock.met_at.isoformat() if clock.met_at else None,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
        **more,
    }
    return Event(name, clock.key if key is None else key, at, "sla", reason, data)
