"""The decision: given a ticket's facts and the time, what should be true now. It acts on nothing.

It is level-triggered: a message, a timer or an operator are only reasons to decide again, and deciding twice from the
same facts wants the same. What `before` already led to is not said again, and where it is, unique keys (of events,
timers and effects) make the repetition harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from worker.domain.changes import changes
from worker.domain.csat import follow_up
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Fact, TicketKey
from worker.domain.fold import fold
from worker.domain.notes import breach_note, routing_note
from worker.domain.outcome import is_wanted, outcome_of
from worker.domain.policy import Policy
from worker.domain.priority import looks
from worker.domain.routing import Roster, needs_routing, route
from worker.domain.ticket import OPEN_STATUSES, Decision, Ticket, Timer

__all__ = ["decide", "is_wanted", "needs_routing", "outcome_of"]


def decide(
    before: Ticket | None,
    key: TicketKey,
    facts: Iterable[Fact],
    *,
    policy: Policy,
    roster: Roster | None,
    last_survey_at: datetime | None,
    now: datetime,
    folded: Ticket | None = None,
) -> Decision:
    """Everything to store in one transaction. The ticket is the fold of the facts and of the decision's own facts.

    `folded`, when the caller has it already, is the fold of these facts as of `now`.
    """
    known: list[Fact] = list(facts)
    ticket = fold(key, known, policy, as_of=now) if folded is None else folded
    own: list[Fact] = []
    effects: list[Effect] = []
    if needs_routing(ticket):
        unrouted = ticket
        own.append(route(ticket, roster, policy, now=now))
        ticket = fold(key, [*known, *own], policy, as_of=now)
        effects += _routing_effects(unrouted, ticket)
    survey = follow_up(before, ticket, policy.csat, last_survey_at=last_survey_at, now=now)
    if survey.facts:
        own += survey.facts
        ticket = fold(key, [*known, *own], policy, as_of=now)
    return Decision(
        ticket=ticket,
        events=(*changes(before, ticket, known, policy), *survey.events),
        timers=(*_timers(ticket, policy, now=now), *survey.timers),
        effects=(*effects, *_breach_notes(before, ticket), *survey.effects),
        facts=tuple(own),
    )


def _routing_effects(unrouted: Ticket, ticket: Ticket) -> Iterator[Effect]:
    """The team before the agent: setting a team may take off an agent who is no member. Then the note."""
    routed = ticket.routed
    if routed is None:
        return
    team, agent = routed.team, routed.agent
    is_new_team = team is not None and (unrouted.team is None or unrouted.team.id != team.id)
    if team is not None and team.id is not None and is_new_team:
        yield Effect(EffectKind.ASSIGN_TEAM, routed.key, {"team_id": team.id, "team": team.name})
    if agent is not None and agent.id is not None:
        yield Effect(EffectKind.ASSIGN_AGENT, routed.key, {"agent_id": agent.id, "agent": agent.name})
    yield Effect(EffectKind.PRIVATE_NOTE, routed.key, {"text": routing_note(ticket)})


def _breach_notes(before: Ticket | None, ticket: Ticket) -> Iterator[Effect]:
    told = {clock.key for clock in before.clocks if clock.breached_at is not None} if before is not None else set()
    for clock in ticket.clocks:
        if clock.breached_at is not None and clock.key not in told:
            yield Effect(EffectKind.PRIVATE_NOTE, f"sla:{clock.key}", {"text": breach_note(ticket, clock)})


def _timers(ticket: Ticket, policy: Policy, *, now: datetime) -> Iterator[Timer]:
    """A look at each deadline still ahead, and at the moment when waiting alone changes the priority."""
    for clock in ticket.clocks:
        if clock.deadline_at is not None and clock.met_at is None and clock.breached_at is None:
            yield Timer("sla", clock.key, clock.deadline_at)
    if ticket.waiting_since is not None and ticket.status in OPEN_STATUSES:
        for rule, at in looks(policy.score_rules, score=ticket.score, waiting_since=ticket.waiting_since, as_of=now):
            yield Timer("priority", rule[:100], at)
