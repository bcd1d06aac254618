"""What other systems are told: of the events of a decision those that are offered, for each target that wants them.

The last step of a decision, because it looks at what all the others said. What is sent is the ticket as this decision
left it, beside the event's own data: enough for a CRM or a billing system to act on without asking back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.domain import bounded
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Person
from worker.domain.policy import Target
from worker.domain.ticket import Event, Ticket

LARGEST = 19_000  # bytes of data; a webhook carries 20,000 with what is around it


@dataclass(frozen=True, slots=True)
class Offer:
    """One event as it is sent: when, and what `data` holds beside `ticket_id`, `ticket` and `reason`."""

    about: str
    fields: tuple[str, ...] = ()


OFFERED: Mapping[str, Offer] = {
    "ticket.created": Offer("a request came in", ("missing",)),
    "ticket.assigned": Offer("somebody has it now", ("agent", "was", "by")),
    "ticket.escalated": Offer("it went to a senior", ("rule", "level", "target")),
    "ticket.resolved": Offer("it is resolved, for the first or another time", ("resolution", "text")),
    "ticket.reopened": Offer("the resolution did not hold", ("resolution",)),
    "ticket.closed": Offer("it is closed for good", ("resolution", "by", "text")),
    "sla.warned": Offer("a share of a promised time is used up", ("clock", "share", "deadline_at")),
    "sla.breached": Offer("a promised time has passed", ("clock", "policy", "target_seconds", "breached_at")),
    "sla.breach_withdrawn": Offer(
        "a breach was taken back: the answer had come in time", ("clock", "policy", "met_at", "was_breached_at")
    ),
    "csat.answered": Offer("the customer answered a survey", ("survey", "rating", "via", "feedback")),
    "activity.created": Offer("there is something to do about it", ("type", "due_at", "assignee")),
}
"""By name; `hookdesk targets events` lists them."""


def outgoing(ticket: Ticket, events: Iterable[Event], targets: Iterable[Target]) -> Iterator[Effect]:
    """One effect for each offered event and each target that wants it. Saying it again wants nothing new."""
    listening = tuple(targets)
    offered = [(event, _data(ticket, event)) for event in events if event.name in OFFERED] if listening else []
    for target in listening:
        for event, data in offered:
            if not target.events or event.name in target.events:
                payload = {"target": target.name, "type": event.name, "at": event.at.isoformat(), "data": data}
                yield Effect(EffectKind.EVENT, f"{target.name}:{event.name}:{event.key}", payload)


def is_obsolete(payload: Mapping[str, Any], ticket: Ticket) -> bool:
    """Whether what it tells was taken back before anybody heard of it: a breach that was none."""
    if payload.get("type") != "sla.breached":
        return False
    told = (payload["data"].get("clock"), payload["data"].get("breached_at"))
    breached = ((clock.key, clock.breached_at.isoformat()) for clock in ticket.clocks if clock.breached_at is not None)
    return told not in breached


def _data(ticket: Ticket, event: Event) -> dict[str, Any]:
    """Bounded in every part, so that it stays below what a webhook may carry, whatever customers write."""
    own = {name: bounded.value(event.data.get(name)) for name in OFFERED[event.name].fields}
    if "text" in own:
        own["text"] = bounded.text(ticket.resolution_text)
    if "feedback" in own:
        own["feedback"] = bounded.text(_feedback(ticket, event))
    data = {"ticket": bounded.value(_ticket(ticket)), "reason": bounded.text(event.reason), **own}
    return bounded.within(data, LARGEST)


def _ticket(ticket: Ticket) -> dict[str, Any]:
    """Names as everywhere a ticket is shown as JSON."""
    return {
        "source": ticket.key.source,
        "external_id": ticket.key.external_id,
        "generation": ticket.generation,
        "subject": ticket.subject,
        "status": ticket.status.value,
        "priority": ticket.priority,
        "category": ticket.category,
        "channel": ticket.channel,
        "requester": None if ticket.requester is None else _requester(ticket.requester),
        "organization": ticket.organization or None,
        "assignee": _person(ticket.assignee),
        "team": _person(ticket.team),
        "tags": list(ticket.tags),
        "reopen_count": ticket.reopen_count,
        "created_at": ticket.created_at.isoformat(),
        "updated_at": ticket.updated_at.isoformat(),
        "closed_at": None if ticket.closed_at is None else ticket.closed_at.isoformat(),
    }


def _requester(person: Person) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "email": person.email}


def _person(person: Person | None) -> dict[str, Any] | None:
    return None if person is None else {"id": person.id, "name": person.name}


def _feedback(ticket: Ticket, event: Event) -> str:
    """The customer's words, as long as they belong to this answer: another may have come since."""
    said = (feedback for survey, rating, feedback in ticket.answers
            if survey == event.data.get("survey") and rating == event.data.get("rating"))  # fmt: skip
    return next(said, "")
