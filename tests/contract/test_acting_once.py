"""An idempotency key stands for one act, and a request for one ticket, however often and by whom they come at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.builders import NOON
from tests.contract.desks import (
    LENA,
    ON_THE_WAY,
    Use,
    a_creation,
    acts,
    at_once,
    brought_to,
    created,
    names,
    record,
    told,
)
from worker.acting import Acted, act, create
from worker.desk import Desk
from worker.domain.facts import Author, Message, TicketKey, Verb
from worker.domain.ticket import Status
from worker.errors import Invalid, KeyReused
from worker.instruction import Instruction
from worker.store import tickets


class TestKeys:
    def test_the_same_again_does_nothing_and_answers_the_same(self, desk: Desk, use: Use) -> None:
        ticket = created(desk)
        first = use(ticket, Verb.ASSIGN, key="k")
        log = names(desk, ticket)

        again = use(ticket, Verb.ASSIGN, key="k")

        assert (first.is_new, again.is_new) == (True, False)
        assert (again.act, again.ticket) == (first.act, first.ticket)
        assert names(desk, ticket) == log

    def test_also_when_its_status_would_not_allow_it_any_more(self, desk: Desk, use: Use) -> None:
        ticket = brought_to(desk, use, Status.IN_PROGRESS)
        use(ticket, Verb.RESOLVE, key="k")

        assert not use(ticket, Verb.RESOLVE, key="k").is_new

    @pytest.mark.parametrize(
        "other", [(Verb.ASSIGN, {"agent": "bob"}), (Verb.REPLY, {}), (Verb.ASSIGN, {"actor": "x"})]
    )
    def test_for_something_else_it_is_refused(self, desk: Desk, use: Use, other: tuple[Verb, dict[str, Any]]) -> None:
        ticket = created(desk)
        use(ticket, Verb.ASSIGN, key="k")

        with pytest.raises(KeyReused, match="the key k stands for another act of this ticket"):
            use(ticket, other[0], key="k", **other[1])

    def test_another_ticket_may_use_it_too(self, desk: Desk, use: Use) -> None:
        first, second = created(desk), created(desk, text="Something else")

        assert use(first, Verb.ASSIGN, key="k").is_new
        assert use(second, Verb.ASSIGN, key="k").is_new

    @pytest.mark.parametrize("key", ["a b", "é", "x" * 151, "\n"])
    def test_it_is_visible_ascii(self, desk: Desk, use: Use, key: str) -> None:
        ticket = created(desk)

        with pytest.raises(Invalid, match="idempotency_key"):
            use(ticket, Verb.ASSIGN, key=key)
        with pytest.raises(Invalid, match="idempotency_key"):
            created(desk, key=key)

    def test_of_two_at_once_one_acts(self, desk: Desk) -> None:
        ticket = created(desk)
        said = Instruction(verb=Verb.ASSIGN, actor="anna", agent="ada", key="k")

        done = at_once(lambda: act(desk, ticket, said))

        assert sorted(one.is_new for one in done if isinstance(one, Acted)) == [False, False, False, True]
        assert acts(desk) == 2

    def test_of_two_different_acts_at_once_the_second_sees_the_first(self, desk: Desk) -> None:
        ticket = created(desk)
        act(desk, ticket, Instruction(verb=Verb.ASSIGN, actor="anna", agent="ada"))
        said = Instruction(verb=Verb.RESOLVE, actor="anna", text="done")

        done = at_once(lambda: act(desk, ticket, said))

        assert sorted(type(one).__name__ for one in done) == ["Acted", *["InvalidTransition"] * 3]


class TestCreate:
    def test_the_key_is_its_external_id(self, desk: Desk) -> None:
        done = create(desk, a_creation(key="crm-7", subject="Parcel", priority="high"))

        assert (done.created, done.is_new, done.ticket.key) == (True, True, TicketKey("api", "crm-7"))
        ticket = record(desk, done.ticket.id)
        assert (ticket.status, ticket.subject, ticket.description) == (Status.TRIAGED, "Parcel", "Where is my parcel?")
        assert (ticket.requester, ticket.channel, ticket.priority) == (LENA, "api", "high")
        assert ticket.customer_messages == 1
        assert names(desk, done.ticket.id)[0] == "ticket.created"

    def test_the_same_again_is_the_same_ticket(self, desk: Desk) -> None:
        first = create(desk, a_creation(key="crm-7"))

        again = create(desk, a_creation(key="crm-7"))

        assert (again.created, again.is_new, again.ticket) == (False, False, first.ticket)

    def test_also_after_it_was_closed(self, desk: Desk, use: Use) -> None:
        ticket = created(desk, key="crm-7")
        for verb in ON_THE_WAY[Status.CLOSED]:
            use(ticket, verb)

        again = create(desk, a_creation(key="crm-7"))

        assert (again.is_new, again.ticket.id, again.ticket.generation) == (False, ticket, 1)
        assert len(tickets.list_tickets(desk.db)) == 1

    def test_another_request_under_its_key_is_refused(self, desk: Desk) -> None:
        create(desk, a_creation(key="crm-7"))

        with pytest.raises(KeyReused):
            create(desk, a_creation(key="crm-7", text="Something else"))

    def test_without_a_key_each_is_one_of_its_own(self, desk: Desk) -> None:
        assert created(desk) != created(desk, text="Something else")

    def test_of_four_at_once_one_opens_it(self, desk: Desk) -> None:
        done = at_once(lambda: create(desk, a_creation(key="crm-7")))

        assert sorted(one.created for one in done if isinstance(one, Acted)) == [False, False, False, True]
        assert {one.ticket.id for one in done if isinstance(one, Acted)} == {tickets.list_tickets(desk.db)[0].id}
        assert acts(desk) == 1

    def test_the_same_request_by_another_door_is_that_ticket(self, desk: Desk) -> None:
        form = TicketKey("form", "sha256:1")
        said = Message("f1", NOON, Author.CUSTOMER, "Where is my parcel?", by=LENA, content_type="form")
        first = told(desk, form, said)

        done = create(desk, a_creation(key="crm-7", category="billing"))
        again = create(desk, a_creation(key="crm-7", category="billing"))

        assert (done.ticket.id, done.created, done.is_new) == (first, False, True)
        assert (again.ticket.id, again.is_new) == (first, False)
        assert record(desk, first).category == "billing"
        assert len(tickets.list_tickets(desk.db)) == 1
