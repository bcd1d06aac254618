"""Which verb which status allows, and what an act asks of the source."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import BILLING, KEY, LENA, MAYA, OLEG, a_message, a_policy, a_reply, a_snapshot, at
from tests.unit.domain.deciding import decided
from worker.domain.acting import legal_verbs, refuse_illegal, refuse_unreachable
from worker.domain.facts import Act, Person, TicketKey, Verb
from worker.domain.policy import FieldRule
from worker.domain.ticket import Status, Ticket
from worker.errors import CannotReply, InvalidTransition

OPEN = {"triage", "assign", "escalate", "reply"}
LEGAL = {
    "new": OPEN,
    "triaged": OPEN,
    "in_progress": OPEN | {"resolve"},
    "pending_customer": OPEN | {"resolve"},
    "resolved": {"close", "reopen"},
    "closed": set(),
}
VERBS = [verb for verb in Verb if verb is not Verb.CREATE]
API = TicketKey("api", "k1")


def a_ticket(key: TicketKey = KEY, **given: Any) -> Ticket:
    return Ticket(key, at(0), at(0), **given)


def act(verb: Verb, minute: float = 5, **given: Any) -> Act:
    return Act(**{"id": f"{verb}{minute:g}", "at": at(minute), "verb": verb, "actor": "anna", **given})


def wished(*facts: Any, policy: Any = None) -> list[tuple[str, str, dict[str, Any]]]:
    """The effects that acts ask for."""
    decision = decided(*facts, now=at(6), policy=policy or a_policy())
    return [(e.kind.value, e.lane, dict(e.payload)) for e in decision.effects if e.decision.startswith("act:")]


class TestLegal:
    @pytest.mark.parametrize("status", list(Status))
    @pytest.mark.parametrize("verb", VERBS)
    def test_each_status_allows_its_verbs_and_no_others(self, status: Status, verb: Verb) -> None:
        ticket = a_ticket(status=status)

        if verb.value in LEGAL[status.value]:
            refuse_illegal(ticket, verb)
        else:
            with pytest.raises(InvalidTransition):
                refuse_illegal(ticket, verb)

    @pytest.mark.parametrize("status", list(Status))
    def test_they_are_told(self, status: Status) -> None:
        assert set(legal_verbs(status)) == LEGAL[status.value]

    def test_a_refusal_names_the_edges_and_the_verbs(self) -> None:
        with pytest.raises(InvalidTransition) as caught:
            refuse_illegal(a_ticket(status=Status.RESOLVED), Verb.ASSIGN)

        assert caught.value.legal == ("closed", "in_progress")
        assert caught.value.verbs == ("close", "reopen")
        assert str(caught.value) == (
            "invalid_transition: assign is not possible while the ticket is resolved; "
            "legal from here: closed, in_progress"
        )


class TestReach:
    @pytest.mark.parametrize(
        ("ticket", "is_reached"),
        [
            (a_ticket(), True),
            (a_ticket(can_reply=False), False),
            (a_ticket(API, requester=LENA), True),
            (a_ticket(API, requester=Person(None, "Lena")), False),
            (a_ticket(API), False),
        ],
    )
    def test_a_reply_needs_a_way_to_the_customer(self, ticket: Ticket, is_reached: bool) -> None:
        if is_reached:
            refuse_unreachable(ticket)
        else:
            with pytest.raises(CannotReply, match="cannot_reply"):
                refuse_unreachable(ticket)


class TestEffects:
    BEFORE = (a_snapshot(0), a_message(0), a_reply(1))

    def test_an_assignment_sets_the_team_first(self) -> None:
        assert wished(*self.BEFORE, act(Verb.ASSIGN, agent=OLEG, team=BILLING)) == [
            ("assign_team", "chatwoot", {"team_id": "2", "team": "billing"}),
            ("assign_agent", "chatwoot", {"agent_id": "8", "agent": "Oleg Brandt"}),
        ]

    def test_an_escalation_leaves_the_agent_to_its_own_rules(self) -> None:
        found = wished(*self.BEFORE, act(Verb.ESCALATE, agent=MAYA, priority="urgent", reason="a lawyer"))

        assert found == [("set_priority", "chatwoot", {"priority": "urgent"})]

    def test_tags_and_fields_are_shown_in_the_source(self) -> None:
        policy = a_policy(fields=(FieldRule("order", "whole", attribute="order_no"), FieldRule("vendor")))

        found = wished(
            *self.BEFORE, act(Verb.TRIAGE, tags=("vip",), fields=(("order", "7"), ("vendor", "Acme"))), policy=policy
        )

        assert found == [
            ("add_labels", "chatwoot", {"labels": ["vip"]}),
            ("set_attributes", "chatwoot", {"attributes": {"order_no": "7", "vendor": "Acme"}}),
        ]

    @pytest.mark.parametrize(("verb", "status"), [(Verb.RESOLVE, "resolved"), (Verb.REOPEN, "open")])
    def test_the_status_is_set_in_the_source(self, verb: Verb, status: str) -> None:
        before = (*self.BEFORE, act(Verb.RESOLVE, 2)) if verb is Verb.REOPEN else self.BEFORE

        assert ("set_status", "chatwoot", {"status": status}) in wished(*before, act(verb))

    def test_a_reply_goes_into_the_conversation(self) -> None:
        assert wished(*self.BEFORE, act(Verb.REPLY, text="Hello")) == [
            ("reply", "chatwoot", {"text": "Hello", "actor": "anna"})
        ]
