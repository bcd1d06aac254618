"""Which generation of a conversation a delivery belongs to."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from tests.contract.builders import NOON, a_key, a_ticket, wait_for_a_lock
from worker.domain.facts import Author, Fact, Followed, Message, Parsed, Snapshot
from worker.domain.ticket import Status
from worker.errors import Unparsable
from worker.placing import place
from worker.store import tickets
from worker.store.database import Database

ENDED = NOON + timedelta(minutes=60)
KEY = a_key(1)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def a_message(minute: float, author: Author = Author.CUSTOMER, *, auto: bool = False) -> Message:
    return Message(id=f"{author}{minute:g}", at=at(minute), author=author, text="again", auto_reply=auto)


def a_snapshot(minute: float, status: str) -> Snapshot:
    return Snapshot(at=at(minute), status=status, created_at=NOON)


def heard(*facts: Fact) -> Parsed:
    return Parsed("message_created", KEY, facts)


@pytest.fixture
def closed(db: Database) -> int:
    """The id of a ticket that was closed an hour after its beginning."""
    with db.write() as conn:
        ticket_id = tickets.lock(conn, [KEY], now=NOON)[KEY].id
        record = a_ticket(KEY, status=Status.CLOSED, closed_at=ENDED, source_status="resolved")
        tickets.save(conn, [(ticket_id, record)], policy_version="v1", now=NOON)
    return ticket_id


def placed(db: Database, *read: Parsed) -> list[int | None]:
    with db.write() as conn:
        return [one.id if one is not None else None for one in place(conn, read, now=at(90))]


class TestOpening:
    def test_a_customers_message_after_the_end_begins_a_follow_up(self, db: Database, closed: int) -> None:
        [follower] = placed(db, heard(a_message(70)))

        assert follower is not None
        assert follower != closed
        [told] = tickets.facts_of(db, follower)
        assert told.fact == Followed(at(70), ENDED, closed)
        [newest] = tickets.list_tickets(db, limit=1)
        assert (newest.id, newest.key, newest.generation) == (follower, KEY, 2)

    def test_so_does_the_source_that_opens_it_again(self, db: Database, closed: int) -> None:
        assert placed(db, heard(a_snapshot(70, "open"))) != [closed]

    @pytest.mark.parametrize(
        "fact",
        [
            a_message(60),
            a_message(70, Author.AGENT),
            a_message(70, auto=True),
            a_snapshot(70, "resolved"),
        ],
        ids=["not after the end", "an agent", "an automatic reply", "still resolved"],
    )
    def test_nothing_else_does(self, db: Database, closed: int, fact: Fact) -> None:
        assert placed(db, heard(fact)) == [closed]

    def test_one_batch_opens_one(self, db: Database, closed: int) -> None:
        first, old, second = placed(db, heard(a_message(70)), heard(a_message(50)), heard(a_message(71)))

        assert first == second != closed
        assert old == closed


class TestAtOnce:
    """Two workers with the same conversation: the second waits for the first, which opens the follow-up meanwhile."""

    @pytest.mark.parametrize("second", [a_message(71), a_message(72, Author.AGENT)], ids=["a customer", "an agent"])
    def test_the_second_finds_what_the_first_has_opened(self, db: Database, closed: int, second: Message) -> None:
        places: list[int | None] = []
        other = threading.Thread(target=lambda: places.extend(placed(db, heard(second))))
        with db.write() as conn:
            [follower] = place(conn, [heard(a_message(70))], now=at(90))
            assert follower is not None
            record = a_ticket(KEY, generation=2, created_at=at(70))
            tickets.save(conn, [(follower.id, record)], policy_version="v1", now=NOON)
            other.start()
            wait_for_a_lock(db)
        other.join()

        assert places == [follower.id]


class TestItsTime:
    def test_what_was_heard_late_goes_to_the_generation_of_its_time(self, db: Database, closed: int) -> None:
        [follower] = placed(db, heard(a_message(70)))
        assert follower is not None
        with db.write() as conn:
            record = a_ticket(KEY, generation=2, created_at=at(70))
            tickets.save(conn, [(follower, record)], policy_version="v1", now=NOON)

        places = placed(db, heard(a_message(30)), heard(a_snapshot(65, "resolved")), heard(a_message(70)))

        assert places == [closed, closed, follower]

    def test_what_would_have_opened_the_follow_up_is_of_it(self, db: Database, closed: int) -> None:
        [follower] = placed(db, heard(a_message(70)))
        assert follower is not None
        with db.write() as conn:
            record = a_ticket(KEY, generation=2, created_at=at(70))
            tickets.save(conn, [(follower, record)], policy_version="v1", now=NOON)

        places = placed(db, heard(a_message(65)), heard(a_message(66, auto=True)), heard(a_snapshot(67, "open")))

        assert places == [follower, closed, follower]


class TestOthers:
    def test_what_belongs_to_no_ticket_has_no_place(self, db: Database) -> None:
        assert placed(db, Parsed("contact_updated", ignored="contact_event")) == [None]

    def test_an_answer_names_its_ticket_by_our_id(self, db: Database, closed: int) -> None:
        assert placed(db, Parsed("survey", ticket_id=closed)) == [closed]

    def test_an_id_that_does_not_exist_is_told(self, db: Database) -> None:
        with pytest.raises(Unparsable, match="does not exist"):
            placed(db, Parsed("survey", ticket_id=4711))
