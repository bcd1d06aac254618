"""One escalation may be the reason for the next: both are decided at once."""

from __future__ import annotations

from tests.builders import an_sla, at, minutes
from tests.unit.domain.escalating import ASKED, HUMAN, escalated, run, with_rule
from worker.domain.policy import EscalationRule

LATE = EscalationRule("late", "late", breached=("first_response",))
PRESSING = an_sla(name="pressing", first_response=minutes(10), priorities=("high",))


class TestChain:
    def test_a_priority_that_it_raises_may_break_a_promise(self) -> None:
        policy = with_rule(LATE, HUMAN, sla=(PRESSING, an_sla()))

        decision = run(*ASKED, now=at(20), policy=policy)

        assert escalated(decision) == [("human", 1), ("late", 1)]
        assert decision.ticket.clocks[0].breached_at == at(10)

    def test_else_no_promise_is_broken_by_it(self) -> None:
        policy = with_rule(LATE, HUMAN, sla=(PRESSING, an_sla()))

        assert escalated(run(*ASKED, now=at(9), policy=policy)) == [("human", 1)]
