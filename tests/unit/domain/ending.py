"""What the tests of closings share: a resolved ticket, and looking at what came of it."""

from datetime import timedelta

from tests.builders import a_message, a_policy, a_reply, a_snapshot, at
from tests.unit.domain.deciding import decided
from worker.domain.effects import EffectKind
from worker.domain.facts import Act, Closed, Verb
from worker.policy_file import load_policy

CLOSING = load_policy(None).closing
POLICY = a_policy(closing=CLOSING)
RESOLVED = (a_snapshot(0), a_message(0), a_reply(5, text="Sent anew."), a_snapshot(10, "resolved"))
THANKS = a_message(20, text="Thanks, that solved it!")
NOTICE = (EffectKind.CLOSING_NOTICE, "resolution:1")
DAY = timedelta(days=1)
ANNOUNCED = at(10) + 4 * DAY
OVER = at(10) + 5 * DAY


def run(*facts, now, policy=POLICY, before=None, sent=None):
    done = {NOTICE: sent} if sent is not None else {}
    return decided(*facts, now=now, policy=policy, before=before, done=done)


def closed(decision):
    return [(fact.by, fact.at) for fact in decision.facts if isinstance(fact, Closed)]


def timers(decision):
    return [timer for timer in decision.timers if timer.kind == "closing"]


def effects(decision, *kinds):
    return [one for one in decision.effects if one.kind in kinds]


def act(minute, **given):
    return Act(**{"id": f"a{minute:g}", "at": at(minute), "verb": Verb.CLOSE, "actor": "anna", **given})


INTERNAL = Act("i", at(1), Verb.TRIAGE, "anna", internal=True)
