"""What changed between two tickets, as lines of the append-only log with stable keys: a repetition is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from worker.domain.answers import counting, credit
from worker.domain.clock_events import clock_events
from worker.domain.facts import Act, Answer, Candidate, Fact, Folded, Person, Routed
from worker.domain.intake import categorise
from worker.domain.matching import prose
from worker.domain.policy import Policy
from worker.domain.ticket import Event, Ticket
from worker.domain.twins import event_of
from worker.domain.wording import hours, label, source, why_walked


def changes(before: Ticket | None, ticket: Ticket, facts: Iterable[Fact], policy: Policy) -> Iterator[Event]:
    """Every event that `before` had not led to yet, in the order of the stages."""
    yield from _intake(before, ticket, facts, policy)
    yield from _routing(before, ticket)
    yield from clock_events(before, ticket)
    answers = [fact for fact in facts if isinstance(fact, Answer)]
    counted = counting(answers, editable=policy.csat.editable)
    if ticket.answers != (before.answers if before is not None else ()):
        yield from (_answered(answer, ticket) for answer in counted)
    yield from (_too_late(answer, policy) for answer in answers if answer not in counted)


def _intake(before: Ticket | None, ticket: Ticket, facts: Iterable[Fact], policy: Policy) -> Iterator[Event]:
    if before is None:
        yield _created(ticket)
    yield from (event_of(fact, ticket) for fact in facts if isinstance(fact, Folded))
    since = ticket.updated_at.isoformat()
    if before is None or before.category != ticket.category:
        reason = f"category {ticket.category}: {_why_category(ticket, facts, policy)}"
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
    reason = _came_by(ticket)
    if ticket.previous is not None:
        reason = f"follows t{ticket.previous}, which was closed: somebody wrote again or opened it in the source"
    data = {
        "id": ticket.key.external_id,
        "priority": ticket.priority,
        "channel": ticket.channel,
        "missing": list(ticket.missing),
        "follows": ticket.previous,
    }
    return Event("ticket.created", str(ticket.generation), ticket.created_at, "intake", reason + gaps, data)


def _came_by(ticket: Ticket) -> str:
    match ticket.key.source:
        case "email":
            return f"it came by mail ({ticket.key.external_id})"
        case "form":
            return "it came by the form"
        case "api":
            return "somebody asked for it through Hookdesk's own API or command line"
    by = ticket.channel.replace("_", " ") or "an unknown channel"
    return f"it came by {source(ticket.key)} ({by}), there it is {ticket.key.external_id}"


def _why_category(ticket: Ticket, facts: Iterable[Fact], policy: Policy) -> str:
    acts = [fact for fact in facts if isinstance(fact, Act) and fact.category]
    if acts:
        return f"set by {max(acts, key=lambda act: (act.at, act.key)).actor}"
    words = prose(f"{ticket.subject} . {ticket.description}")
    name, why = categorise(policy, labels=ticket.tags, prose=words)
    return why if name == ticket.category else "by what the customer wrote later"


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
        was_reopened_at = old.reopened_at if old is not None else None
        if run.reopened_at is not None and was_reopened_at is None:
            reason = f"resolution {run.ordinal} did not hold: the ticket is open again"
            key = f"{run.key}@{run.reopened_at.isoformat()}"  # what was taken back may come true later
            yield Event("ticket.reopened", key, run.reopened_at, "intake", reason, data)
        elif run.reopened_at is None and was_reopened_at is not None:
            reason = f"resolution {run.ordinal} holds after all: nothing that was said since asks for more"
            key = f"{run.key}@{was_reopened_at.isoformat()}"
            yield Event("ticket.resolved", key, run.resolved_at, "intake", reason, data)


def _routing(before: Ticket | None, ticket: Ticket) -> Iterator[Event]:
    routed = ticket.routed
    if routed is not None and (before is None or before.routed != routed):
        name = "ticket.routed" if routed.ordinal == 1 else "ticket.rerouted"
        yield Event(name, routed.key, routed.at, "routing", routed.reason, _routed_data(routed))
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
    elif ticket.assignee_by in _OUR_DOORS:
        reason = f"{label(now)}, as {_OUR_DOORS[ticket.assignee_by]}"
        yield Event("ticket.assigned", ticket.assignment, at, "routing", reason, data)
    else:
        reason = f"{label(now)}, assigned in {source(ticket.key)}"
        yield Event("ticket.assigned", f"{now.id}@{at.isoformat()}", at, "routing", reason, data)


_OUR_DOORS = {"escalation": "the escalation decided", "operator": "somebody asked through Hookdesk"}


def _routed_data(routed: Routed) -> dict[str, Any]:
    return {
        "rule": routed.rule,
        "team": _person(routed.team),
        "agent": _person(routed.agent),
        "instead_of": _person(routed.instead_of),
        "candidates": [_candidate(one) for one in routed.candidates],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "agent": _person(one.agent),
        "open_tickets": one.open_tickets,
        "capacity": one.capacity,
        "idle_since": one.idle_since.isoformat() if one.idle_since else None,
        "rejected": one.rejected,
        "skills": list(one.skills),
        "away_since": one.away_since.isoformat() if one.away_since else None,
    }


def _person(person: Person | None) -> dict[str, Any] | None:
    return None if person is None else {"id": person.id, "name": person.name}


def _answered(answer: Answer, ticket: Ticket) -> Event:
    key = answer.key.removeprefix("answer:")
    said = {"survey": answer.survey, "rating": answer.rating, "via": answer.via, "has_feedback": bool(answer.feedback)}
    data = {**said, **credit(ticket)}
    return Event("csat.answered", key, answer.at, "csat", f"the customer gave {answer.rating} of 5", data)


def _too_late(answer: Answer, policy: Policy) -> Event:
    """Said again at every decision: its key makes that harmless, and it is rare."""
    key = answer.key.removeprefix("answer:")
    limit = hours(policy.csat.editable.total_seconds())
    reason = f"{answer.rating} of 5 does not count: it came more than {limit} after the first answer"
    return Event("csat.answer_too_late", key, answer.at, "csat", reason, {"rating": answer.rating})


def _nth(ordinal: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(ordinal, f"{ordinal}th")
