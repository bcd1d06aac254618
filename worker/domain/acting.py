"""What people and programs do to a ticket by our own doors: what is legal now, and what each asks of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Act, Verb
from worker.domain.handover import handing_over
from worker.domain.reaching import by_mail, is_reachable
from worker.domain.ticket import EDGES, OPEN_STATUSES, Event, Status, Ticket
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import label
from worker.errors import CannotReply, InvalidTransition

_LEGAL: Mapping[Verb, tuple[frozenset[Status], Status]] = {
    Verb.TRIAGE: (OPEN_STATUSES, Status.TRIAGED),
    Verb.ASSIGN: (OPEN_STATUSES, Status.IN_PROGRESS),
    Verb.ESCALATE: (OPEN_STATUSES, Status.IN_PROGRESS),
    Verb.REPLY: (OPEN_STATUSES, Status.PENDING_CUSTOMER),
    Verb.RESOLVE: (frozenset({Status.IN_PROGRESS, Status.PENDING_CUSTOMER}), Status.RESOLVED),
    Verb.CLOSE: (frozenset({Status.RESOLVED}), Status.CLOSED),
    Verb.REOPEN: (frozenset({Status.RESOLVED}), Status.IN_PROGRESS),
}
"""From which statuses a verb may be used, and the status it leads to."""


def refuse_illegal(ticket: Ticket, verb: Verb) -> None:
    """Raises InvalidTransition, with the legal edges, when the ticket's status does not allow the verb."""
    allowed, wanted = _LEGAL[verb]
    if ticket.status not in allowed:
        edges, verbs = EDGES[ticket.status], legal_verbs(ticket.status)
        raise InvalidTransition(ticket.status, wanted, edges, verb=verb, verbs=verbs)


def legal_verbs(status: Status) -> tuple[Verb, ...]:
    """What may be done to a ticket of this status, in the order of the work."""
    return tuple(verb for verb, (allowed, _) in _LEGAL.items() if status in allowed)


def refuse_unreachable(ticket: Ticket) -> None:
    """Raises CannotReply when nothing that we write would reach the customer."""
    if not is_reachable(ticket):
        raise CannotReply("cannot_reply: the requester's e-mail address is not known, so there is nowhere to write to")
    if not ticket.can_reply:
        raise CannotReply("cannot_reply: the channel does not let us write now; the customer has to write first")


def wants(view: View) -> Wants:
    """The effects and events of acts that are new. Escalating and closing are decided by their own aspects."""
    done = frozenset(view.before.acts) if view.before is not None else frozenset()
    new = [act for act in view.story.acts if act.key not in done]
    if not new:
        return NOTHING
    effects = tuple(effect for act in new for effect in _effects(act, view))
    return Wants(effects=effects, events=tuple(_event(act) for act in new))


def _effects(act: Act, view: View) -> Iterator[Effect]:
    if act.verb is Verb.ASSIGN:  # the only one that moves a ticket; an escalation has its own aspect
        yield from handing_over(act.key, act.team, act.agent, frees=True)
    if act.priority:
        yield Effect(EffectKind.SET_PRIORITY, act.key, {"priority": act.priority})
    if act.tags:
        yield Effect(EffectKind.ADD_LABELS, act.key, {"labels": list(act.tags)})
    if act.fields:
        names = {rule.name: rule.attribute or rule.name for rule in view.policy.fields}
        attributes = {names.get(name, name): value for name, value in act.fields}
        yield Effect(EffectKind.SET_ATTRIBUTES, act.key, {"attributes": attributes})
    if act.verb is Verb.REPLY:
        yield Effect(EffectKind.REPLY, act.key, _reply(act, view.ticket))
    if act.verb is Verb.RESOLVE:
        yield Effect(EffectKind.SET_STATUS, act.key, {"status": "resolved"})
    if act.verb is Verb.REOPEN:
        yield Effect(EffectKind.SET_STATUS, act.key, {"status": "open"})


def _reply(act: Act, ticket: Ticket) -> dict[str, str]:
    """Into the conversation; where there is none, by mail to the requester."""
    return {"text": act.text, "actor": act.actor, **by_mail(ticket)}


def _event(act: Act) -> Event:
    said = "; ".join(part for part in (_object(act), act.reason) if part)
    data = {"verb": act.verb.value, "actor": act.actor, "automatic": act.automatic}
    reason = f"{act.verb.value} by {act.actor}" + (f": {said}" if said else "")
    return Event("ticket.acted", act.key, act.at, "intake", reason, data)


def _object(act: Act) -> str:
    parts = [f"to {label(one)}" for one in (act.agent, act.team) if one is not None]
    parts += [f"{name} {value}" for name, value in (("category", act.category), ("priority", act.priority)) if value]
    parts += [f"{name} {value}" for name, value in act.fields]
    return ", ".join(parts)
