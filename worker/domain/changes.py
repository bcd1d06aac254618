"""What changed between two tickets, as lines of the append-only log with stable keys: a repetition is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from worker.domain.csat import counting
from worker.domain.facts import Answer, Candidate, Fact, Person, Routed
from worker.domain.intake import categorise
from worker.domain.matching import prose
from worker.domain.policy import Policy
from worker.domain.ticket import Clock, Event, Ticket
from worker.domain.wording import hours, label, metric, source, when, why_walked


def changes(before: Ticket | None, ticket: Ticket, facts: Iterable[Fact], policy: Policy) -> Iterator[Event]:
    """Every event that `before` had not led to yet, in the order of the stages."""
    yield from _intake(before, ticket, facts, policy)
    yield from _routing(before, ticket)
    yield from _sla(before, ticket)
    answers = [fact for fact in facts if isinstance(fact, Answer)]
    counted = counting(answers, editable=policy.csat.editable)
    if ticket.answers != (before.answers if before is not None else ()):
        yield from (_answered(answer) for answer in counted)
    yield from (_too_late(answer, policy) for answer in answers if answer not in counted)


def _intake(before: Ticket | None, ticket: Ticket, facts: Iterable[Fact], policy: Policy) -> Iterator[Event]:
    if before is None:
        yield _created(ticket)
    since = ticket.updated_at.isoformat()
    if before is None or before.category != ticket.category:
        words = prose(f"{ticket.subject} . {ticket.description}")
        name, why = categorise(policy, labels=ticket.tags, prose=words)
        reason = f"category {ticket.category}: {why if name == ticket.category else 'by what the customer wrote later'}"
        data = {"category": ticket.category, "was": before.category if before else None, "labels": list(ticket.tags)}
        yield Event("ticket.categorised", f"{ticket.category}@{since}", ticket.updated_at, "intake", reason, data)
    if before is None or before.priority != ticket.priority:
        yield _prioritised(before, ticket)
    old_edges = frozenset(before.edges) if before is not None else frozenset()
    for edge in ticket.edges:
        if edge not in old_edges:
            data = {"before": edge.before.value, "after": edge.after.value, "cause": edge.cause}
            reason = f"{edge.before} → {edge.after}: {why_walked(edge, facts, ticket.key)}"
            yield Event("ticket.status_changed", f"{edge.after}:{edge.cause}", edge.at, "intake", reason, data)
    yield from _resolutions(before, ticket)


def _created(ticket: Ticket) -> Event:
    gaps = f"; still missing: {', '.join(ticket.missing)}" if ticket.missing else ""
    reason = f"first heard of {source(ticket.key)} {ticket.key.external_id} on {ticket.channel or 'an unknown channel'}"
    data = {
        "id": ticket.key.external_id,
        "priority": ticket.priority,
        "channel": ticket.channel,
        "missing": list(ticket.missing),
    }
    return Event("ticket.created", str(ticket.generation), ticket.created_at, "intake", reason + gaps, data)


def _prioritised(before: Ticket | None, ticket: Ticket) -> Event:
    key = f"{ticket.priority}@{ticket.updated_at.isoformat()}"
    why = "; ".join(ticket.score_reasons) or "no score rule matched"
    reason = f"priority {ticket.priority}, score {ticket.score}: {why}"
    data = {
        "priority": ticket.priority,
        "was": before.priority if before else None,
        "score": ticket.score,
        "reasons": list(ticket.score_reasons),
    }
    return Event("ticket.prioritised", key, ticket.updated_at, "intake", reason, data)


def _resolutions(before: Ticket | None, ticket: Ticket) -> Iterator[Event]:
    known = {run.ordinal: run for run in before.resolutions} if before is not None else {}
    for run in ticket.resolutions:
        old = known.get(run.ordinal)
        data = {"resolution": run.ordinal}
        if old is None:
            reason = f"resolved for the {_nth(run.ordinal)} time"
            yield Event("ticket.resolved", run.key, run.resolved_at, "intake", reason, data)
        if run.reopened_at is not None and (old is None or old.reopened_at is None):
            reason = f"resolution {run.ordinal} did not hold: the ticket is open again"
            yield Event("ticket.reopened", run.key, run.reopened_at, "intake", reason, data)


def _routing(before: Ticket | None, ticket: Ticket) -> Iterator[Event]:
    routed = ticket.routed
    if routed is not None and (before is None or before.routed != routed):
        yield Event("ticket.routed", routed.key, routed.at, "routing", routed.reason, _routed_data(routed))
    was = before.assignee if before is not None else None
    now = ticket.assignee
    if (was.id if was else None) == (now.id if now else None):
        return
    at = ticket.updated_at
    data = {"agent": now.id if now else None, "was": was.id if was else None, "by": ticket.assignee_by}
    if now is None:
        reason = f"taken off {label(was)} in {source(ticket.key)}"
        yield Event("ticket.unassigned", f"{data['was']}@{at.isoformat()}", at, "routing", reason, data)
    elif ticket.assignee_by == "routing" and routed is not None:
        reason = f"{label(now)}, as routing decided"
        yield Event("ticket.assigned", routed.key, routed.at, "routing", reason, data)
    else:
        reason = f"{label(now)}, assigned in {source(ticket.key)}"
        yield Event("ticket.assigned", f"{now.id}@{at.isoformat()}", at, "routing", reason, data)


def _routed_data(routed: Routed) -> dict[str, Any]:
    return {
        "rule": routed.rule,
        "team": _person(routed.team),
        "agent": _person(routed.agent),
        "candidates": [_candidate(one) for one in routed.candidates],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "agent": _person(one.agent),
        "open_tickets": one.open_tickets,
        "capacity": one.capacity,
        "idle_since": one.idle_since.isoformat() if one.idle_since else None,
        "rejected": one.rejected,
    }


def _person(person: Person | None) -> dict[str, Any] | None:
    return None if person is None else {"id": person.id, "name": person.name}


def _sla(before: Ticket | None, ticket: Ticket) -> Iterator[Event]:
    known = {clock.key: clock for clock in before.clocks} if before is not None else {}
    for clock in ticket.clocks:
        old = known.pop(clock.key, None)
        if old is not None and old == clock:
            continue
        if old is None:
            yield _of_clock("sla.started", clock, clock.started_at, _promise(clock))
        elif (old.policy, old.target_seconds) != (clock.policy, clock.target_seconds):
            reason = f"{_promise(clock)}; before it was {hours(old.target_seconds)} (policy {old.policy!r})"
            key = f"{clock.key}:{clock.policy}:{clock.target_seconds:g}"
            yield _of_clock("sla.retargeted", clock, ticket.updated_at, reason, key=key)
        if clock.breached_at is not None and (old is None or old.breached_at is None):
            yield _of_clock("sla.breached", clock, clock.breached_at, _breach(clock, ticket))
        if old is not None and old.breached_at is not None and clock.breached_at is None:
            yield _of_clock("sla.breach_withdrawn", clock, ticket.updated_at, _withdrawal(old, clock), was=old)
        if clock.met_at is not None and (old is None or old.met_at is None):
            yield _of_clock("sla.met", clock, clock.met_at, _met(clock))
    for old in known.values():
        if old.breached_at is not None:
            reason = f"the {metric(old)} clock does not apply any more"
            yield _of_clock("sla.breach_withdrawn", old, ticket.updated_at, reason, was=old)


def _promise(clock: Clock) -> str:
    by = f", so by {when(clock.deadline_at)}" if clock.deadline_at is not None else ""
    return f"{metric(clock)} within {hours(clock.target_seconds)} of counted time{by} (policy {clock.policy!r})"


def _breach(clock: Clock, ticket: Ticket) -> str:
    owner = label(ticket.assignee) if ticket.assignee else "nobody"
    return f"{metric(clock)} was due by {when(clock.breached_at)} (policy {clock.policy!r}); assigned to {owner}"


def _met(clock: Clock) -> str:
    due = f"; it was due by {when(clock.deadline_at)}" if clock.deadline_at is not None else ""
    return f"{metric(clock)} met {'late' if clock.breached_at is not None else 'in time'}{due}"


def _withdrawal(old: Clock, clock: Clock) -> str:
    met = f"met at {when(clock.met_at)}, heard of late" if clock.met_at is not None else "its deadline has moved"
    return f"{metric(clock)} was marked breached at {when(old.breached_at)}, but was {met}"


def _of_clock(
    name: str, clock: Clock, at: datetime, reason: str, *, key: str | None = None, was: Clock | None = None
) -> Event:
    data = {
        "clock": clock.key,
        "policy": clock.policy,
        "target_seconds": clock.target_seconds,
        "started_at": clock.started_at.isoformat(),
        "deadline_at": clock.deadline_at.isoformat() if clock.deadline_at else None,
        "met_at": clock.met_at.isoformat() if clock.met_at else None,
        "breached_at": clock.breached_at.isoformat() if clock.breached_at else None,
    }
    if was is not None and was.breached_at is not None:
        data["was_breached_at"] = was.breached_at.isoformat()
    return Event(name, clock.key if key is None else key, at, "sla", reason, data)


def _answered(answer: Answer) -> Event:
    key = answer.key.removeprefix("answer:")
    data = {"survey": answer.survey, "rating": answer.rating, "via": answer.via, "has_feedback": bool(answer.feedback)}
    return Event("csat.answered", key, answer.at, "csat", f"the customer gave {answer.rating} of 5", data)


def _too_late(answer: Answer, policy: Policy) -> Event:
    """Said again at every decision: its key makes that harmless, and it is rare."""
    key = answer.key.removeprefix("answer:")
    limit = hours(policy.csat.editable.total_seconds())
    reason = f"{answer.rating} of 5 does not count: it came more than {limit} after the first answer"
    return Event("csat.answer_too_late", key, answer.at, "csat", reason, {"rating": answer.rating})


def _nth(ordinal: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(ordinal, f"{ordinal}th")
