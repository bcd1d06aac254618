"""Contacts: found by any of their names, made once however many make them, and what went before."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from tests.contract.builders import NOON, ticket_ids
from tests.contract.matching import ACME, LENA, matched, rows, seen
from worker.domain.facts import Matched, Person
from worker.domain.people import MOST_EARLIER
from worker.store.contacts import match_all
from worker.store.database import Database
from worker.store.schema import contact_identities, contacts
from worker.store.schema import tickets as ticket_rows


class TestFinding:
    def test_a_new_one_is_made_with_every_name(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)

        (match,) = matched(db, (ticket, seen(language="de")))

        assert match == Matched(contact=match.contact, at=NOON, language="de")
        assert rows(db, contacts, "id", "name", "email", "language", "first_seen_at") == [
            (match.contact, "Lena", "Lena@Acme.example", "de", NOON)
        ]
        assert rows(db, contact_identities, "identity", "contact_id") == [
            ("chatwoot:41", match.contact),
            ("email:lena@acme.example", match.contact),
        ]

    @pytest.mark.parametrize(
        "again", [Person(email=" LENA@acme.EXAMPLE"), Person("41"), Person("99", "L.", LENA.email)]
    )
    def test_any_of_the_names_finds_it(self, db: Database, again: Person) -> None:
        first, second = ticket_ids(db, 2)
        (match,) = matched(db, (first, seen()))

        (found,) = matched(db, (second, seen(again)))

        assert found.contact == match.contact

    def test_a_name_learnt_later_is_joined(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        (match,) = matched(db, (first, seen(Person("41", "Lena"))))
        matched(db, (second, seen(LENA)))

        (found,) = matched(db, (third, seen(Person(email="lena@acme.example"))))

        assert found.contact == match.contact
        assert rows(db, contacts, "email") == [("Lena@Acme.example",)]

    def test_two_that_exist_are_never_made_one(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        (by_number,) = matched(db, (first, seen(Person("41"))))
        (by_mail,) = matched(db, (second, seen(Person(email=LENA.email))))

        (found,) = matched(db, (third, seen(LENA)))

        assert by_number.contact != by_mail.contact
        assert found.contact == by_mail.contact
        assert rows(db, contact_identities, "contact_id", "identity") == [
            (by_number.contact, "chatwoot:41"),
            (by_mail.contact, "email:lena@acme.example"),
        ]

    def test_one_batch_makes_one_of_whoever_it_meets_twice(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)

        found = matched(
            db,
            (first, seen(Person("41"))),
            (second, seen(LENA, NOON + timedelta(minutes=1))),
            (third, seen(Person(email=LENA.email))),
        )

        assert len({one.contact for one in found}) == 1
        assert [(one.earlier, one.last_ticket, one.last_at) for one in found] == [
            (0, None, None),
            (1, first, NOON),
            (2, second, NOON + timedelta(minutes=1)),
        ]

    def test_equal_strangers_stay_two(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)

        found = matched(db, (first, seen(Person("1", "Kim"))), (second, seen(Person("2", "Kim"))))

        assert len({one.contact for one in found}) == 2
        assert {identity for identity, _ in rows(db, contact_identities, "identity", "contact_id")} == {
            "chatwoot:1",
            "chatwoot:2",
        }

    def test_odd_names_are_told_apart(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        odd = [seen(Person("x" * 500 + end, "a\0\ud800", "\0" + "y" * 400 + end)) for end in "ab"]

        found = matched(db, (first, odd[0]), (second, odd[1]))

        assert len({one.contact for one in found}) == 2
        assert [one.contact for one in matched(db, (first, odd[0]), (second, odd[1]))] == [one.contact for one in found]

    def test_nobody_is_nobody(self, db: Database) -> None:
        assert matched(db) == []


class TestKeeping:
    def test_what_is_said_newly_is_kept_and_what_is_left_out_stays(self, db: Database) -> None:
        first, second, third = ticket_ids(db, 3)
        matched(db, (first, seen(language="de")))
        matched(db, (second, seen(Person("41", "Lena Fischer", "other@acme.example"), language="fr")))

        matched(db, (third, seen(Person("41"))))

        assert rows(db, contacts, "name", "email", "language") == [("Lena Fischer", "Lena@Acme.example", "fr")]

    @pytest.mark.parametrize(("seconds", "stored"), [(59, 0), (60, 60)])
    def test_the_last_time_is_exact_to_a_minute(self, db: Database, seconds: int, stored: int) -> None:
        first, second = ticket_ids(db, 2)
        matched(db, (first, seen()))

        matched(db, (second, seen()), now=NOON + timedelta(seconds=seconds))

        assert rows(db, contacts, "first_seen_at", "last_seen_at") == [(NOON, NOON + timedelta(seconds=stored))]


class TestEarlier:
    def test_the_tickets_before_are_counted_and_the_newest_is_told(self, db: Database) -> None:
        first, second, third, _, other = ticket_ids(db, 5)
        matched(db, (other, seen(Person("99"))))
        matched(db, (first, seen()))
        matched(db, (second, seen()))

        (found,) = matched(db, (third, seen()))

        assert (found.earlier, found.last_ticket, found.last_at) == (2, second, NOON)

    def test_later_tickets_are_not_before(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        matched(db, (second, seen()))

        (found,) = matched(db, (first, seen()))

        assert (found.earlier, found.last_ticket) == (0, None)

    def test_one_of_the_batch_that_is_known_already_counts_once(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        matched(db, (first, seen()))

        found = matched(db, (first, seen(language="de")), (second, seen()))

        assert [one.earlier for one in found] == [0, 1]

    def test_they_are_counted_up_to_a_thousand(self, db: Database) -> None:
        first, *_, last = ticket_ids(db, 3)
        (match,) = matched(db, (first, seen()))
        many = [
            {"source": "email", "external_id": str(n), "contact_id": match.contact, "created_at": NOON,
             "updated_at": NOON}
            for n in range(1005)
        ]  # fmt: skip
        with db.write() as conn:
            conn.execute(ticket_rows.insert(), many)
            newest = conn.execute(select(ticket_rows.c.id).order_by(ticket_rows.c.id.desc()).limit(1)).scalar_one()
            conn.execute(ticket_rows.insert(), [many[0] | {"external_id": "now", "contact_id": None}])

        (found,) = matched(db, (newest + 1, seen()), store=False)

        assert (MOST_EARLIER, found.earlier, found.last_ticket) == (1000, 1000, newest)
        assert last < newest


class TestCost:
    @pytest.mark.parametrize("number", [1, 40])
    def test_a_batch_takes_the_same_few_statements_however_large(self, db: Database, number: int) -> None:
        ids = ticket_ids(db, 2 * number)
        known = [(ids[n], seen(Person(str(n), f"P{n}", f"p{n}@acme.example"))) for n in range(number)]
        new = [(ids[number + n], seen(Person(str(900 + n), "N", f"n{n}@acme.example"))) for n in range(number)]
        matched(db, *known, rules=[ACME])
        again = [(ids[number + n], one) for n, (_, one) in enumerate(known)]
        statements: list[str] = []

        def count(*given: Any) -> None:
            statements.append(given[2])

        with db.write() as conn:
            event.listen(conn, "before_cursor_execute", count)
            match_all(conn, dict(new), organizations=[ACME], now=NOON)
            of_new = len(statements)
            match_all(conn, dict(again), organizations=[ACME], now=NOON)
            of_known = len(statements) - of_new

        assert (of_new, of_known) == (4, 3)


class TestAtOnce:
    def test_two_who_make_the_same_contact_neither_fail_nor_make_two(self, db: Database) -> None:
        ids = ticket_ids(db, 48)
        people = [Person(str(n), f"P{n}", f"p{n}@acme.example") for n in range(6)]
        failures: list[Exception] = []
        found: list[Matched] = []

        def work(turn: int) -> None:
            try:
                order = people if turn % 2 else people[::-1]
                some = {ids[turn * 6 + n]: seen(person) for n, person in enumerate(order)}
                with db.write() as conn:
                    found.extend(match_all(conn, some, organizations=[ACME], now=NOON).values())
            except Exception as exc:  # the test's own verdict
                failures.append(exc)

        threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert len(rows(db, contacts, "id")) == len({one.contact for one in found}) == 6
        assert len(rows(db, contact_identities, "identity")) == 12
        assert {owner for (owner,) in rows(db, contact_identities, "contact_id")} == {one.contact for one in found}

    def test_a_contact_somebody_else_brings_up_to_date_is_not_waited_for(self, db: Database) -> None:
        if db.is_sqlite:
            return  # one writer at a time
        first, second, third = ticket_ids(db, 3)
        (match,) = matched(db, (first, seen()))
        with db.write() as one, db.write() as other:
            renamed = match_all(one, {second: seen(replace(LENA, name="One"))}, organizations=(), now=NOON)
            also = match_all(other, {third: seen(replace(LENA, name="Other"))}, organizations=(), now=NOON)

        assert renamed[second].contact == also[third].contact == match.contact
        assert rows(db, contacts, "name") == [("One",)]
