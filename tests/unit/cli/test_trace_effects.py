"""What a ticket's story says of the effects: every kind, in every state, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.cli.conftest import NOW, Receive, Run
from worker.desk import Desk
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.store import effects

Told = Callable[[], str]


@pytest.fixture
def told(run: Run) -> Told:
    """The screen, its lines not broken."""
    return lambda: run("trace", "t1", COLUMNS="400").stdout


class TestEffects:
    """Every kind, in every state, is told in words."""

    EVERY = (
        (EffectKind.ASSIGN_TEAM, "routed:1", {"team": "billing"}, "set the team", "billing"),
        (EffectKind.ASSIGN_AGENT, "routed:1", {"agent": "Maya Ortiz"}, "assign the agent", "Maya Ortiz"),
        (EffectKind.SET_STATUS, "act:x", {"status": "resolved"}, "set the status", "to resolved, as somebody asked"),
        (EffectKind.SET_PRIORITY, "escalated:vip:2", {"priority": "high"}, "set the priority",
         "to high, about the escalation to level 2"),
        (EffectKind.ADD_LABELS, "act:x", {"labels": ["vip", "refund"]}, "add labels", "vip, refund"),
        (EffectKind.SET_ATTRIBUTES, "act:x", {"attributes": {"order": "7"}}, "set attributes", "order = 7"),
        (EffectKind.PRIVATE_NOTE, "sla:first_response:1:2026-06-18T09:00:00+00:00", {"text": "…"},
         "write a private note", "about the broken promise: first response"),
        (EffectKind.REPLY, "act:x", {"text": "Hello", "actor": "lena", "to": "a@b.example"}, "reply to the customer",
         "lena to a@b.example by mail: 'Hello'"),
        (EffectKind.SURVEY, "resolution:2", {"text": "…", "language": "de"}, "send the survey",
         "about resolution 2, in de"),
        (EffectKind.CLOSING_NOTICE, "resolution:2", {"text": "…"}, "announce the closing", "about resolution 2"),
        (EffectKind.OPERATOR_NOTICE, "warned:resolution:1:80", {"to": ["x@y.example"], "subject": "Hurry"},
         "tell the operators", "x@y.example: Hurry"),
        (EffectKind.EVENT, "crm:ticket.resolved:resolution:1", {"type": "ticket.resolved", "target": "crm"},
         "tell another system", "ticket.resolved to crm"),
    )  # fmt: skip

    def test_none_was_forgotten(self) -> None:
        assert {kind for kind, *_ in self.EVERY} == set(EffectKind)

    @pytest.mark.parametrize(("kind", "decision", "payload", "what", "why"), EVERY)
    def test_each_says_what_it_asks_for(
        self, told: Told, receive: Receive, desk: Desk, kind: EffectKind, decision: str, payload: dict[str, object],
        what: str, why: str,
    ) -> None:  # fmt: skip
        receive("01_conversation_created_webwidget")
        number = self.add(desk, kind, decision, payload)

        line = next(line for line in told().splitlines() if f"e{number} " in line)

        assert f"e{number} {what} " in line
        assert f" {why}; pending" in line

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (EffectState.APPROVAL, "waits for `hookdesk effects approve e"),
            (EffectState.NO_TARGET, "not sent: there is no target crm for it"),
            (EffectState.DRY_RUN, "not sent: dry-run"),
            (EffectState.RETRY, "retry"),
        ],
    )
    def test_each_state_says_why(self, told: Told, receive: Receive, desk: Desk, state: EffectState, said: str) -> None:
        receive("01_conversation_created_webwidget")
        number = self.add(desk, EffectKind.EVENT, "crm:x:1", {"type": "x", "target": "crm"}, state)

        assert said in next(line for line in told().splitlines() if f"e{number} " in line)

    def add(self, desk: Desk, kind: EffectKind, decision: str, payload: dict[str, object],
            state: EffectState = EffectState.PENDING) -> int:  # fmt: skip
        with desk.db.write() as conn:
            return effects.add(conn, [(1, Effect(kind, decision, payload))], states=lambda _: state, now=NOW)[-1]
