"""What the tests of decisions share: a new ticket, deciding about it, and how to look at what came of it."""

from tests.builders import KEY, a_message, a_policy, a_roster, a_snapshot
from worker.domain.decide import decide
from worker.domain.view import Given

POLICY = a_policy()
ROSTER = a_roster()
NEW = (a_snapshot(0), a_message(0, text="refund my invoice"))


def decided(*facts, before=None, now, policy=POLICY, roster=ROSTER, **given):
    given = {"surveyed_at": given.pop("last_survey_at", None), **given}
    return decide(before, KEY, facts, policy=policy, known=Given(roster, **given), now=now)


def events(decision, *names):
    return {event.name: event for event in decision.events if not names or event.name in names}


def wishes(decision):
    return [(effect.kind.value, effect.decision) for effect in decision.effects]
