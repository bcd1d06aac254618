"""What the tests of tickets that change hands share: a first decision, and the next one about the same ticket."""

from tests.builders import MAYA, OLEG, a_message, a_roster, a_snapshot, an_agent, at
from tests.unit.domain.deciding import decided

NEW = (a_snapshot(0), a_message(0, text="refund my invoice"))
LATE = 12.0  # when the agent, away since minute 2, has been away for ten minutes
AWAY = an_agent(MAYA, availability="offline", away_since=at(2), open_tickets=3)
FREE = an_agent(OLEG, open_tickets=5)


def fresh(minute, *agents):
    return a_roster(*agents, refreshed_at=at(minute))


def first(*facts, roster=None, policy=None, minute=1):
    """The first decision about a new ticket: Maya gets it, unless the roster says otherwise."""
    return decided(*(facts or NEW), now=at(minute), roster=roster or fresh(minute), **given(policy))


def then(decision, minute, *agents, more=(), facts=NEW, policy=None, roster=None):
    """The next decision about the same ticket, with what was decided before."""
    roster = roster or fresh(minute, *agents)
    known = (*facts, *decision.facts, *more)
    return decided(*known, before=decision.ticket, now=at(minute), roster=roster, **given(policy))


def given(policy):
    return {} if policy is None else {"policy": policy}


def timers(decision):
    return [(timer.kind, timer.key, timer.due_at) for timer in decision.timers if timer.kind == "reroute"]
