"""What the tests of escalations share: a desk with one rule, and looking at what came of it."""

from dataclasses import replace

from tests.builders import a_message, a_policy, a_snapshot
from tests.unit.domain.deciding import decided
from worker.domain.facts import Escalated
from worker.domain.policy import AgentRule, EscalationRule, NoticePolicy

HUMAN = EscalationRule("human", "the customer asks for a human", words=("a human",), priority="high")
POLICY = a_policy(
    escalation=(HUMAN,),
    agents=(AgentRule("8", senior=True),),
    notices=NoticePolicy(leads=(("", "lead@desk.example"), ("billing", "money@desk.example"))),
)
ASKED = (a_snapshot(0), a_message(0, text="hello"), a_message(5, text="Let me talk to a HUMAN."))


def with_rule(*rules, **given):
    return replace(POLICY, escalation=rules, **given)


def run(*facts, now, policy=POLICY, before=None, **given):
    return decided(*facts, now=now, policy=policy, before=before, **given)


def escalated(decision):
    return [(fact.rule, fact.level) for fact in decision.facts if isinstance(fact, Escalated)]


def timers(decision):
    return [timer for timer in decision.timers if timer.kind == "escalation"]
