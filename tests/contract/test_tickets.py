"""Tickets: locked in one order, facts added once, the record stored exactly."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import timedelta

from tests.contract.builders import NOON, a_key, a_message, a_ticket, ticket_ids
from worker.domain.facts import Answer, Candidate, Fact, Person, Routed, Snapshot, TicketKey
from worker.domain.ticket import Clock, Edge, Event, Resolution, Span, Status, Ticket
from worker.store import tickets
from worker.store.database import Database

ADA = Person(id="7", name="Ada", email="Ada@Example.com")
LATER = NOON + timedelta(hours=1, microseconds=1)


class TestLock:
    def test_it_makes_what_is_missing(self, db: Database) -> None:
        with db.write() as conn:
            found = tickets.lock(conn, [a_key(2), a_key(1), a_key(2)], now=NOON)

        assert set(found) == {a_key(1), a_key(2)}
        assert [(one.generation, one.ticket) for one in found.values()] == [(1, None), (1, None)]

    def test_it_finds_what_is_there(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        with db.write() as conn:
            by_key = tickets.lock(conn, [a_key(1), a_key(3)], now=NOON)
            by_id = tickets.lock_ids(conn, [second, first, 99])

        assert by_key[a_key(1)].id == first
        assert by_key[a_key(1)].ticket == a_ticket(a_key(1))
        assert set(by_id) == {first, second}
        assert by_id[second].key == a_key(2)

    def test_the_same_id_of_two_sources_is_two_tickets(self, db: Database) -> None:
        chat, mail, other = TicketKey("chatwoot", "1/1"), TicketKey("email", "1/1"), TicketKey("email", "1/2")
        with db.write() as conn:
            first = tickets.lock(conn, [chat, other], now=NOON)
        with db.write() as conn:
            second = tickets.lock(conn, [chat, mail], now=NOON)

        assert set(second) == {chat, mail}
        assert second[chat].id == first[chat].id
        assert second[mail].id not in {first[chat].id, first[other].id}

    def test_nothing_is_nothing(self, db: Database) -> None:
        with db.write() as conn:
            assert tickets.lock(conn, [], now=NOON) == {}
            assert tickets.lock_ids(conn, []) == {}

    def test_odd_keys_are_told_apart(self, db: Database) -> None:
        odd = [TicketKey("email", "\0" + "x" * 500), TicketKey("email", "\ud800" + "x" * 500)]
        with db.write() as conn:
            first = tickets.lock(conn, odd, now=NOON)
        with db.write() as conn:
            second = tickets.lock(conn, odd, now=NOON)

        assert first == second
        assert len({one.id for one in first.values()}) == 2

    def test_writers_that_meet_neither_deadlock_nor_lose_a_write(self, db: Database) -> None:
        failures: list[Exception] = []

        def work(seed: int) -> None:
            draw = random.Random(seed)
            try:
                for _ in range(8):
                    _add_one_reopening(db, draw.sample([a_key(n) for n in range(12)], 8))
            except Exception as exc:  # the test's own verdict
                failures.append(exc)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        counts = [one.ticket.reopen_count for one in tickets.list_tickets(db) if one.ticket]
        assert (len(counts), sum(counts)) == (12, 4 * 8 * 8)


class TestFacts:
    def test_each_kind_comes_back_equal(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        with db.write() as conn:
            new = tickets.add_facts(conn, [(ticket, fact, "d1") for fact in _facts()])
            found = tickets.load_facts(conn, [ticket])

        assert new == {(ticket, fact.key) for fact in _facts()}
        assert sorted(found[ticket], key=lambda fact: fact.key) == sorted(_facts(), key=lambda fact: fact.key)
        assert [fact.at for fact in found[ticket]] == sorted(fact.at for fact in _facts())

    def test_a_known_key_is_not_new_and_changes_nothing(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        with db.write() as conn:
            tickets.add_facts(conn, [(first, a_message(1), "d1")])
        with db.write() as conn:
            again = replace(a_message(1), text="changed")
            rows: list[tuple[int, Fact, str]] = [(first, again, "d2"), (second, again, "d3"), (second, again, "d4")]
            new = tickets.add_facts(conn, rows)

        assert new == {(second, "message:1")}
        assert [(one.fact, one.cause) for one in tickets.facts_of(db, first)] == [(a_message(1), "d1")]
        assert [one.cause for one in tickets.facts_of(db, second)] == ["d3"]

    def test_nul_and_lone_surrogates_survive(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        odd = a_message(1, id="\0\ud800", text="a\0b\ud83d", subject="\udc00")
        with db.write() as conn:
            new = tickets.add_facts(conn, [(ticket, odd, "d1")])
            (found,) = tickets.load_facts(conn, [ticket])[ticket]

        assert new == {(ticket, odd.key)}
        assert found == odd

    def test_long_keys_stay_apart(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        long = [a_message(1, id="x" * 600 + end) for end in "ab"]
        with db.write() as conn:
            new = tickets.add_facts(conn, [(ticket, fact, "d1") for fact in long])
            again = tickets.add_facts(conn, [(ticket, fact, "d1") for fact in long])

        assert new == {(ticket, fact.key) for fact in long}
        assert again == set()


class TestSave:
    def test_a_full_record_comes_back_equal(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        full = _full()
        with db.write() as conn:
            tickets.save(conn, [(ticket, full)], policy_version="v2", now=LATER)

        found = tickets.get(db, ticket)
        assert found is not None
        assert found.ticket == full
        assert tickets.by_key(db, a_key()) == found

    def test_texts_that_cannot_be_columns_do_not_matter(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        odd = a_ticket(subject="\0\ud800" * 600, requester=Person(email="x" * 400), team=Person(id="t\0" * 50))
        with db.write() as conn:
            tickets.save(conn, [(ticket, odd)], policy_version="v" * 40, now=NOON)

        found = tickets.get(db, ticket)
        assert found is not None
        assert found.ticket == odd

    def test_many_are_saved_each_with_its_own(self, db: Database) -> None:
        ids = ticket_ids(db, 250)
        wanted = {id_: a_ticket(a_key(n), subject=f"subject {n}") for n, id_ in enumerate(ids, 1)}
        with db.write() as conn:
            tickets.save(conn, list(wanted.items()), policy_version="v2", now=NOON)

        assert {one.id: one.ticket for one in tickets.list_tickets(db, limit=999)} == wanted

    def test_nobody_else_is_touched(self, db: Database) -> None:
        first, second = ticket_ids(db, 2)
        with db.write() as conn:
            tickets.save(conn, [(first, _full())], policy_version="v2", now=NOON)

        other = tickets.get(db, second)
        assert other is not None
        assert other.ticket == a_ticket(a_key(2))


class TestEvents:
    def test_saying_it_again_changes_nothing(self, db: Database) -> None:
        (ticket,) = ticket_ids(db)
        event = Event("ticket.created", "1", NOON, "intake", "a first message\0", {"priority": "high", "odd": "\ud800"})
        with db.write() as conn:
            new = tickets.add_events(conn, [(ticket, event, "d1")], policy_version="v1", now=LATER)
        with db.write() as conn:
            again = tickets.add_events(conn, [(ticket, event, "d2")] * 2, policy_version="v2", now=LATER)

        assert (new, again) == ({(ticket, "ticket.created", "1")}, set())
        (line,) = tickets.events_of(db, ticket)
        assert (line.at, line.recorded_at, line.cause, line.policy_version) == (NOON, LATER, "d1", "v1")
        assert line.data == {"priority": "high", "odd": "\ud800"}


def _add_one_reopening(db: Database, keys: list[TicketKey]) -> None:
    with db.write() as conn:
        locked = tickets.lock(conn, keys, now=NOON)
        rows = []
        for key, one in locked.items():
            before = one.ticket or a_ticket(key)
            rows.append((one.id, replace(before, reopen_count=before.reopen_count + 1)))
        tickets.save(conn, rows, policy_version="v1", now=NOON)


def _facts() -> list[Fact]:
    candidate = Candidate(ADA, 3, 20, LATER, "")
    return [
        a_message(2, by=ADA, private=True, auto_reply=True),
        a_message(1),
        Snapshot(LATER, "open", NOON, priority="high", labels=("a", "b"), assignee=ADA, digest="x"),
        Answer("resolution:1", LATER + timedelta(microseconds=1), 5, "thanks ä", "hookdesk"),
        Routed(1, NOON, "default", None, ADA, "fewest open", (candidate, replace(candidate, idle_since=None))),
    ]


def _full() -> Ticket:
    span = Span(NOON, None, True, "running", 12.5)
    routed = next(fact for fact in _facts() if isinstance(fact, Routed))
    return a_ticket(
        status=Status.RESOLVED,
        tags=("a", "b"),
        assignee=ADA,
        edges=(Edge(Status.NEW, Status.TRIAGED, NOON, "message:1"),),
        resolutions=(Resolution(1, NOON, LATER),),
        clocks=(Clock("resolution", 1, "default", 3600.0, NOON, LATER, None, None, False, "hash", (span,)),),
        answers=(("resolution:1", 5, "ä\0"),),
        routed=routed,
        missing=("subject",),
    )
