"""The same request by two doors: what it costs, two workers at once, where its effects go, and what follows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.contract.builders import NOON
from tests.contract.doors import CHAT, FORM, MAIL, Place, a_conversation, a_request, at
from worker.clock import ManualClock
from worker.domain.effects import EffectKind, EffectState
from worker.domain.facts import Parsed, Person, TicketKey
from worker.performers.chatwoot import ChatwootPerformer
from worker.performing import Outside
from worker.placing import place
from worker.store import effects, tickets
from worker.store.aliases import aliases_of
from worker.store.database import Database


@pytest.fixture
def place_(db: Database, tmp_path: Path) -> Iterator[Place]:
    yield Place(db, tmp_path)


class TestCost:
    def test_known_keys_cost_nothing_and_new_ones_a_few_statements_a_batch(self, place_: Place) -> None:
        def read(number: int) -> list[Parsed]:
            person = [Person(None, "N", f"n{n}@x.example") for n in range(number)]
            return [a_request(TicketKey("form", f"{number}-{n}"), by=person[n]) for n in range(number)]

        new = [self._statements(place_, read(number)) for number in (1, 30)]
        known = [self._statements(place_, read(number)) for number in (1, 30)]

        extra = 0 if place_.db.is_sqlite else 1  # what keeps two workers from looking at once
        assert new == [5 + extra, 5 + extra]
        assert known == [2, 2]

    def _statements(self, place_: Place, read: Iterable[Parsed]) -> int:
        seen: list[str] = []
        with place_.db.write() as conn:
            event.listen(conn, "before_cursor_execute", lambda *given: seen.append(given[2]))
            place(conn, list(read), now=NOON)
        return len(seen)


class TestAtOnce:
    def test_two_workers_that_hear_of_both_doors_at_once_make_one_ticket(self, place_: Place) -> None:
        failures: list[Exception] = []
        starting = threading.Barrier(2)

        def work(source: str) -> None:
            try:
                for turn in range(10):
                    starting.wait(10)
                    order = range(6) if source == "form" else range(5, -1, -1)
                    read = [
                        a_request(TicketKey(source, f"{turn}-{n}"), text=f"turn {turn}, request {n}") for n in order
                    ]
                    place_.hears(*read)
            except Exception as exc:  # the test's own verdict
                failures.append(exc)

        threads = [threading.Thread(target=work, args=(source,)) for source in ("form", "email")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert len(tickets.list_tickets(place_.db, limit=200)) == 60


class TestConversation:
    def test_what_waited_for_a_conversation_goes_there_and_so_does_what_follows(self, place_: Place) -> None:
        place_.hears(a_request(FORM))
        before = {(one.kind, one.state) for one in effects.list_effects(place_.db)}
        [ticket] = place_.hears(a_conversation(minute=1), now=at(1))

        after = {(one.kind, one.state) for one in effects.list_effects(place_.db)}
        assert before == {(EffectKind.PRIVATE_NOTE, EffectState.NO_TARGET)}
        assert (EffectKind.PRIVATE_NOTE, EffectState.PENDING) in after
        assert EffectState.NO_TARGET not in {state for _, state in after}
        assert self._conversation(place_, ticket) == "312"

    def test_a_ticket_without_a_conversation_has_none(self, place_: Place) -> None:
        [ticket] = place_.hears(a_request(FORM))
        place_.hears(a_request(MAIL, 1))

        assert self._conversation(place_, ticket) is None

    def _conversation(self, place_: Place, ticket: int | None) -> str | None:
        held = tickets.get(place_.db, ticket or 0)
        assert held is not None
        performer = ChatwootPerformer(Outside(place_.db, place_.desk.settings, place_.desk.policy, lambda: None))
        return performer.conversation_of(held)


class TestFollowUp:
    def test_a_closed_ticket_is_followed_up_by_either_door(self, place_: Place, clock: ManualClock) -> None:
        [ticket] = place_.hears(a_request(FORM))
        place_.hears(a_conversation(minute=1))
        with place_.db.write() as conn:
            closed = replace(place_.ticket(ticket), closed_at=at(30))
            tickets.save(conn, [(ticket or 0, closed)], policy_version="v1", now=at(30))

        by_chat, by_form = place_.hears(
            Parsed("message_created", CHAT, (replace(a_request(CHAT, 40, text="Again").facts[0]),)),
            a_request(FORM, 41, text="Again"),
            now=at(41),
        )

        assert by_chat == by_form != ticket
        assert aliases_of(place_.db, by_chat or 0) == (CHAT,)
