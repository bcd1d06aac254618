"""A customer answers a mail of ours: the answer belongs to the ticket that we wrote about, however that began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.doors import API, FORM, MAIL, Place, a_request, at
from worker.domain.facts import TicketKey
from worker.store import aliases, tickets
from worker.store.aliases import OUR_MAIL, aliases_of
from worker.store.database import Database

OURS = "e4.0123456789abcdef@desk.example"
THREAD = TicketKey("email", OURS)  # what a mail's References begin with


@pytest.fixture
def place_(db: Database, tmp_path: Path) -> Iterator[Place]:
    yield Place(db, tmp_path)


def asked_and_answered(place: Place, key: TicketKey) -> int:
    """The ticket, about which we have sent a mail."""
    [ticket] = place.hears(a_request(key))
    assert ticket is not None
    with place.db.write() as conn:
        aliases.add(conn, [(TicketKey(OUR_MAIL, OURS), ticket)])
    return ticket


class TestAnswers:
    @pytest.mark.parametrize("key", [API, FORM, MAIL], ids=lambda key: key.source)
    def test_they_belong_to_the_ticket(self, place_: Place, key: TicketKey) -> None:
        ticket = asked_and_answered(place_, key)

        found = place_.hears(a_request(THREAD, 30, text="Still not here"), a_request(THREAD, 31, text="?"), now=at(31))

        assert found == [ticket, ticket]
        assert place_.ticket(ticket).customer_messages == 3
        assert place_.told(ticket, "ticket.folded") == []

    def test_after_the_end_they_begin_the_next_one(self, place_: Place) -> None:
        ticket = asked_and_answered(place_, API)
        with place_.db.write() as conn:
            closed = replace(place_.ticket(ticket), closed_at=at(20))
            tickets.save(conn, [(ticket, closed)], policy_version="v1", now=at(20))

        [follower] = place_.hears(a_request(THREAD, 30, text="It broke again"), now=at(30))

        assert place_.ticket(follower).previous == ticket

    def test_the_mail_of_a_stranger_begins_a_ticket(self, place_: Place) -> None:
        ticket = asked_and_answered(place_, API)

        [other] = place_.hears(a_request(TicketKey("email", "else@x.example"), 30, text="Hello"), now=at(30))

        assert other != ticket

    def test_what_we_sent_is_no_door_of_the_request(self, place_: Place) -> None:
        ticket = asked_and_answered(place_, API)

        assert aliases_of(place_.db, ticket) == ()
        assert place_.hears(a_request(MAIL, 1)) == [ticket]  # the same words by mail: another door
        assert aliases_of(place_.db, ticket) == (MAIL,)
