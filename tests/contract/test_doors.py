"""The same request by two doors: one ticket, whichever came first, and everything that comes by either is its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.doors import API, CHAT, FORM, MAIL, Place, a_conversation, a_request, at
from worker.domain.facts import Author, Person, TicketKey
from worker.domain.twins import WITHIN
from worker.store import tickets
from worker.store.aliases import aliases_of
from worker.store.database import Database


@pytest.fixture
def place_(db: Database, tmp_path: Path) -> Iterator[Place]:
    yield Place(db, tmp_path)


class TestTwoDoors:
    @pytest.mark.parametrize(
        "doors", [*itertools.permutations((FORM, MAIL)), *itertools.permutations((MAIL, API)), (FORM, API)]
    )
    def test_whichever_comes_first_is_the_ticket(self, place_: Place, doors: tuple[TicketKey, TicketKey]) -> None:
        first, second = doors

        [one] = place_.hears(a_request(first))
        [same] = place_.hears(a_request(second, 1))

        assert same == one
        assert aliases_of(place_.db, one or 0) == (second,)
        assert len(tickets.list_tickets(place_.db)) == 1

    @pytest.mark.parametrize("chat_first", [True, False])
    def test_a_conversation_and_a_form_are_one_too(self, place_: Place, chat_first: bool) -> None:
        read = (a_conversation(), a_request(FORM, 1)) if chat_first else (a_request(FORM, 1), a_conversation())

        ids = [place_.hears(one)[0] for one in read]

        assert ids[0] == ids[1]
        assert aliases_of(place_.db, ids[0] or 0) == ((FORM,) if chat_first else (CHAT,))

    def test_in_one_batch_the_conversation_is_the_ticket_else_the_earlier(self, place_: Place) -> None:
        mail, form, chat = place_.hears(a_request(MAIL, 2), a_request(FORM, 1), a_conversation(minute=3))
        late, early = place_.hears(
            a_request(TicketKey("email", "x"), 2, text="Else"), a_request(TicketKey("form", "x"), 1, text="else!")
        )

        assert mail == form == chat
        assert aliases_of(place_.db, chat or 0) == (MAIL, FORM)
        assert early == late
        assert aliases_of(place_.db, early or 0) == (TicketKey("email", "x"),)

    def test_it_is_told_which_door_came_second(self, place_: Place) -> None:
        place_.hears(a_request(FORM))
        [ticket] = place_.hears(a_request(MAIL, 0.25))
        place_.hears(a_request(MAIL, 5, text="Any news?"))

        assert place_.told(ticket, "ticket.folded") == [
            "the same request came by another door, email m1, written 15 s after the one by form: same requester, "
            "same words; both are this ticket"
        ]

    def test_what_comes_by_the_second_door_later_is_the_tickets_as_well(self, place_: Place) -> None:
        [ticket] = place_.hears(a_request(FORM))
        place_.hears(a_request(MAIL, 1))

        found = place_.hears(a_request(MAIL, 90, text="Hello?"), a_request(FORM, 91, text="Anybody?"), now=at(91))

        assert found == [ticket, ticket]
        assert place_.ticket(ticket).customer_messages == 4
        assert aliases_of(place_.db, ticket or 0) == (MAIL,)


class TestSameness:
    @pytest.mark.parametrize(
        ("minutes", "is_same"), [(10, True), (-10, True), (10.001, False), (-10.001, False), (0, True)]
    )
    def test_ten_minutes_are_near_enough(self, place_: Place, minutes: float, is_same: bool) -> None:
        ids = [place_.hears(a_request(FORM))[0], place_.hears(a_request(MAIL, minutes), now=at(60))[0]]

        assert timedelta(minutes=10) == WITHIN
        assert (ids[0] == ids[1]) is is_same

    @pytest.mark.parametrize(
        ("changes", "is_same"),
        [
            ({"text": " the PARCEL 4711, has not arrived!  Where is it? "}, True),
            ({"by": Person(None, "L.", " LENA@customer.example")}, True),
            ({"subject": "Parcel"}, True),
            ({"text": "The parcel 4712 has not arrived. Where is it?"}, False),
            ({"by": Person(None, "Lena Fischer", "lena@other.example")}, False),
            ({"by": Person("41", "Lena Fischer")}, False),
            ({"author": Author.AGENT}, False),
            ({"auto_reply": True}, False),
            ({"private": True}, False),
        ],
    )
    def test_the_requester_and_the_words_decide(self, place_: Place, changes: dict[str, Any], is_same: bool) -> None:
        ids = [place_.hears(a_request(FORM))[0], place_.hears(a_request(MAIL, 1, **changes))[0]]

        assert (ids[0] == ids[1]) is is_same

    @pytest.mark.parametrize("text", ["", " … "])
    def test_nothing_said_is_nothing_the_same(self, place_: Place, text: str) -> None:
        ids = [place_.hears(a_request(FORM, text=text))[0], place_.hears(a_request(MAIL, text=text))[0]]

        assert ids[0] != ids[1]

    def test_without_a_text_the_subject_counts(self, place_: Place) -> None:
        read = [a_request(key, text="", subject="Call me back") for key in (FORM, MAIL)]

        assert len({place_.hears(one)[0] for one in read}) == 1

    def test_a_long_text_is_the_same_when_only_its_beginning_is_quoted(self, place_: Place) -> None:
        text = "One two three, four five. " * 100

        ids = [place_.hears(a_request(MAIL, text=text))[0], place_.hears(a_conversation(text=text[:500]))[0]]

        assert ids[0] == ids[1]

    def test_one_source_is_never_folded_with_itself(self, place_: Place) -> None:
        other = TicketKey("chatwoot", "1/313")
        ids = place_.hears(a_conversation(), a_conversation(other))
        later = place_.hears(a_conversation(TicketKey("chatwoot", "1/314"), 1))
        forms = place_.hears(a_request(TicketKey("form", "a"), text="x"), a_request(TicketKey("form", "b"), text="x"))

        assert len({*ids, *later}) == 3
        assert len(set(forms)) == 2

    def test_nor_by_way_of_a_third_door(self, place_: Place) -> None:
        [form] = place_.hears(a_request(FORM))
        [chat] = place_.hears(a_conversation())
        [other] = place_.hears(a_conversation(TicketKey("chatwoot", "1/313")))
        [mail] = place_.hears(a_request(MAIL, 1))

        assert form == chat == mail != other

    def test_an_old_conversation_is_not_begun_by_what_is_first_heard_of_it(self, place_: Place) -> None:
        [mail] = place_.hears(a_request(MAIL))
        [chat] = place_.hears(a_conversation(created_at=at(-60)))

        assert mail != chat
