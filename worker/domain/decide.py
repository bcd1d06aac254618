"""The decision: given a ticket's facts and the time, what should be true now. It acts on nothing.

It is level-triggered: a message, a timer or an operator are only reasons to decide again, and deciding twice from the
same facts wants the same. What `before` already led to is not said again, and where it is, unique keys (of events,
timers, effects and activities) make the repetition harmless.

Each aspect looks at the ticket as the ones before it left it. Their order is the order of the work: who it is, who
does it, is it in good hands, was it done well, is it over, was the promise kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from worker.domain import (
    acting,
    activities,
    assigning,
    closing,
    csat,
    escalation,
    low_score,
    people,
    promises,
    restoring,
)
from worker.domain.changes import changes
from worker.domain.facts import Fact, TicketKey
from worker.domain.fold import fold_story
from worker.domain.outcome import is_wanted, outcome_of
from worker.domain.outgoing import outgoing
from worker.domain.policy import Policy
from worker.domain.promised import kept
from worker.domain.story import tell
from worker.domain.ticket import Decision, Ticket
from worker.domain.view import Aspect, Known, View, Wants

__all__ = ["ASPECTS", "decide", "is_wanted", "outcome_of"]

_flat = chain.from_iterable
ASPECTS: tuple[Aspect, ...] = (
    people.wants,
    acting.wants,
    assigning.wants,
    escalation.wants,
    restoring.wants,
    csat.wants,
    low_score.wants,
    activities.wants,
    closing.wants,
    promises.wants,
)


def decide(
    before: Ticket | None,
    key: TicketKey,
    facts: Iterable[Fact],
    *,
    policy: Policy,
    known: Known,
    now: datetime,
) -> Decision:
    """Everything to store in one transaction. The ticket is the fold of the facts and of the decision's own facts."""
    told = tuple(facts)
    story = tell(told)
    ticket = kept(before, fold_story(key, story, policy, as_of=now), policy)
    view = View(before, key, told, story, ticket, policy, known, now)
    wants: list[Wants] = []
    for aspect in ASPECTS:
        want = aspect(view)
        wants.append(want)
        if want.facts:
            view = want.view or view.plus(want.facts)
    events = (*changes(before, view.ticket, view.facts, policy), *_flat(one.events for one in wants))
    told_outside = outgoing(view.ticket, events, policy.targets)
    return Decision(
        ticket=view.ticket,
        events=events,
        timers=tuple(_flat(one.timers for one in wants)),
        effects=(*_flat(one.effects for one in wants), *told_outside),
        facts=tuple(_flat(one.facts for one in wants)),
        activities=tuple(_flat(one.activities for one in wants)),
        ended=tuple(_flat(one.ended for one in wants)),
    )
