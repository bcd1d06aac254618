"""Performing effects: what is left alone, because a ticket has ended or because nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outgoing import NOTE, START, SURVEY, Bench, a_bench
from worker.domain.effects import Effect, EffectKind
from worker.domain.ticket import Resolution, Status, Ticket
from worker.practice.faults import Fault
from worker.store import tickets


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        yield made


class TestFollowed:
    """A closed ticket whose conversation has a new ticket: nothing may end or disturb what goes on there."""

    @pytest.fixture
    def wishes(self, bench: Bench) -> list[int]:
        run = (Resolution(1, START),)
        ended = Ticket(bench.key, START, START, status=Status.CLOSED, resolutions=run, closed_at=START)
        bench.store(ended)
        return bench.add(Effect(EffectKind.SET_STATUS, "confirmed:resolution:1", {"status": "resolved"}), SURVEY)

    def test_what_a_closed_ticket_still_wants_is_done(self, bench: Bench, wishes: list[int]) -> None:
        bench.perform()

        assert [bench.effect(one).state for one in wishes] == ["done", "done"]
        assert bench.practice.world.conversation(bench.conversation).status == "resolved"

    def test_but_not_once_another_one_follows(self, bench: Bench, wishes: list[int]) -> None:
        with bench.db.write() as conn:
            tickets.follow(conn, tickets.lock_ids(conn, [bench.ticket_id])[bench.ticket_id], now=START)

        bench.perform()

        told = "the ticket is closed, and the customer has written again: another one follows it"
        assert [(bench.effect(one).state, bench.effect(one).detail) for one in wishes] == [("cancelled", told)] * 2
        assert bench.practice.world.conversation(bench.conversation).status == "open"


class TestCircuit:
    def test_one_look_at_an_open_circuit_serves_all_that_is_due_behind_it(self, bench: Bench) -> None:
        ids = [bench.add(NOTE, ticket_id=bench.open()[2])[0] for _ in range(5)]
        bench.practice.set_faults(Fault("401", times=None))

        assert bench.perform() == 2  # the one that opens it, and the one that finds it open

        stored = [bench.effect(each) for each in ids]
        assert {(one.state, one.cause, one.attempts) for one in stored} == {("retry", "circuit_open", 0)}
        assert min(one.next_at for one in stored) > bench.clock.now()
