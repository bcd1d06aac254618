"""Who gets the ticket: the aspect of a decision that routes, and routes again, and asks the source to follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Routed
from worker.domain.handover import handing_over
from worker.domain.holding import holding
from worker.domain.notes import routing_note
from worker.domain.rerouting import BY_ROUTING, Kept, away_enough_at, reroute, why_move
from worker.domain.routing import is_ours_to_route, needs_routing, route
from worker.domain.ticket import Ticket, Timer
from worker.domain.view import NOTHING, View, Wants

AWAY_TIMER = ("reroute", "away")
QUEUE_TIMER = ("reroute", "queue")
"""Kind and key of the looks at a ticket whose agent is away, and at one that waits in a queue."""


def wants(view: View) -> Wants:
    """A routing decision where one is due, and its effects; else a look at the ticket when one may become due."""
    ticket = view.ticket
    if not is_ours_to_route(ticket):
        return NOTHING
    if needs_routing(ticket):
        return _routed(view, route(ticket, view.known.roster(), view.policy, now=view.now))
    away_since = _away_since(view)
    timers = tuple(_looks(view, away_since))
    chosen = holding(view.story).chosen_at if ticket.resolutions else None
    why = why_move(ticket, view.policy, away_since=away_since, chosen_at=chosen, now=view.now)
    if why is None:
        return Wants(timers=timers)
    match reroute(ticket, why, view.known.roster(), view.policy, now=view.now):
        case Routed() as routed:
            return _routed(view, routed)
        case Kept(event):
            return Wants(events=(event,), timers=timers)
    return Wants(timers=timers)


def _routed(view: View, routed: Routed) -> Wants:
    routed = replace(routed, at=view.moment, after=view.known_until)
    after = view.plus((routed,))
    return Wants(facts=(routed,), effects=tuple(_effects(after.ticket)), view=after)


def _away_since(view: View) -> datetime | None:
    """Only where it matters: the ticket is routing's to move, and somebody waits."""
    ticket = view.ticket
    is_at_stake = ticket.assignee_by == BY_ROUTING and ticket.waiting_since is not None
    if not is_at_stake or ticket.assignee is None or ticket.assignee.id is None:
        return None
    return view.known.away_since(ticket.assignee.id)


def _looks(view: View, away_since: datetime | None) -> Iterator[Timer]:
    at = away_enough_at(view.ticket, view.policy, away_since)
    if at is not None and at > view.now:
        yield Timer(*AWAY_TIMER, at)


def _effects(ticket: Ticket) -> Iterator[Effect]:
    routed = ticket.routed
    if routed is None:
        return
    yield from handing_over(routed.key, routed.chosen_team, routed.agent)
    yield Effect(EffectKind.PRIVATE_NOTE, routed.key, {"text": routing_note(ticket)})
