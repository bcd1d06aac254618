"""Group commit: who shares a transaction, who goes to the spool, who is woken, what a failing store changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from tests.unit.webhooks.world import ConnectionLost, World, a_receipt, in_threads, wait_until
from webhooks import spool
from webhooks.accept import Kept, Overloaded
from worker.store.ledger import ledger


class _Sqlstate(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


def held_group(world: World, *receipts: object) -> list[object]:
    """Accept all of them while the committing thread is busy with another one, so that they meet in one group."""
    world.commits.gate.clear()
    world.commits.entered.clear()
    opener = partial(world.acceptor.accept, a_receipt(999))

    def let_go() -> None:
        world.commits.entered.wait(5)
        wait_until(lambda: world.acceptor._batcher._queue.qsize() >= len(receipts))
        world.commits.gate.set()

    calls = [partial(after_entered, world, receipt) for receipt in receipts]
    return in_threads(opener, let_go, *calls)[2:]


def after_entered(world: World, receipt: object) -> Kept:
    world.commits.entered.wait(5)
    return world.acceptor.accept(receipt)  # type: ignore[arg-type]


class TestGroups:
    def test_many_requests_share_one_commit_and_one_wake_up(self, world: World) -> None:
        kept = held_group(world, *map(a_receipt, range(20)))

        assert [len(group) for group in world.commits.groups] == [1, 20]
        assert len({one.delivery for one in kept}) == 20  # type: ignore[attr-defined]
        wait_until(lambda: len(world.woken) == 2)
        assert len(world.woken[1]) == 20

    def test_everybody_is_told_about_his_own_row(self, world: World) -> None:
        kept = held_group(world, *map(a_receipt, range(10)))

        by_id = {row.id: row.delivery_id for row in world.rows()}
        assert [by_id[one.delivery] for one in kept] == [f"delivery-{n}" for n in range(10)]  # type: ignore[attr-defined]

    def test_equal_keys_in_one_group_are_folded(self, world: World) -> None:
        same = [a_receipt(n, dedupe_key="chatwoot:account:same") for n in range(5)]

        kept = held_group(world, *same)

        assert sorted(one.is_duplicate for one in kept) == [False, True, True, True, True]  # type: ignore[attr-defined]
        wait_until(lambda: len(world.woken) == 2)
        assert len(world.woken[1]) == 1

    def test_a_large_body_commits_alone(self, world: World) -> None:
        large = a_receipt(50, body=b"x" * (300 << 10))

        held_group(world, a_receipt(1), a_receipt(2), large, a_receipt(3))

        groups = world.commits.groups[1:]
        assert [large.receipt_id] in groups
        assert sum(map(len, groups)) == 4

    def test_the_dead_on_arrival_are_kept_but_wake_nobody(self, world: World) -> None:
        world.acceptor.accept(a_receipt(dead_cause="too_large"))

        world.acceptor.close()
        assert (world.rows()[0].state, world.woken) == ("dead", [])


class TestFailures:
    def test_the_culprit_alone_goes_to_the_spool(self, world: World) -> None:
        world.commits.refuse_ids = {"receipt-13"}

        kept = held_group(world, *map(a_receipt, range(16)))

        assert [n for n, one in enumerate(kept) if one == Kept()] == [13]
        assert spool.count(world.spool.directory) == 1
        assert len(world.rows()) == 16

    def test_a_deadlock_is_tried_again(self, world: World) -> None:
        world.commits.failures = [OperationalError("INSERT", None, _Sqlstate("40P01"))] * 2

        assert world.acceptor.accept(a_receipt()).delivery == 1
        assert spool.count(world.spool.directory) == 0

    def test_an_endless_deadlock_ends_in_the_spool(self, world: World) -> None:
        world.commits.failures = [OperationalError("INSERT", None, _Sqlstate("40001"))] * 9

        assert world.acceptor.accept(a_receipt()) == Kept()
        assert len(world.commits.groups) == 3

    def test_a_lost_connection_spools_the_whole_group_without_halving(self, world: World) -> None:
        world.commits.is_away = True

        kept = held_group(world, *map(a_receipt, range(8)))

        assert kept == [Kept()] * 8
        assert len(world.commits.groups) <= 2
        assert spool.count(world.spool.directory) == 9

    def test_while_it_is_away_nobody_waits_and_a_probe_finds_it_again(self, world: World) -> None:
        world.commits.is_away = True
        world.acceptor.accept(a_receipt(1))
        asked = len(world.commits.groups)

        for n in range(2, 6):
            assert world.acceptor.accept(a_receipt(n)) == Kept()
        assert len(world.commits.groups) == asked

        world.commits.is_away = False
        wait_until(lambda: world.health.is_up)
        assert world.acceptor.accept(a_receipt(6)).delivery == 1

    def test_a_hanging_store_costs_one_wait_and_nothing_is_doubled(self, open_world: Callable[..., World]) -> None:
        world = open_world(wait_seconds=0.05)
        world.commits.gate.clear()

        assert world.acceptor.accept(a_receipt(1)) == Kept()
        started = time.monotonic()
        assert world.acceptor.accept(a_receipt(2)) == Kept()
        assert time.monotonic() - started < 1

        world.commits.gate.set()  # the first commit succeeds after all
        wait_until(lambda: world.health.is_up)
        assert world.drainer.round() == 2
        assert [row.receipt_id for row in world.rows()] == ["receipt-1", "receipt-2"]
        assert ledger(world.db).received == 2

    def test_who_has_given_up_is_not_committed_any_more(self, open_world: Callable[..., World]) -> None:
        world = open_world(wait_seconds=0.05)
        world.commits.gate.clear()

        in_threads(*(partial(world.acceptor.accept, a_receipt(n)) for n in range(5)))
        world.commits.gate.set()
        world.acceptor.close()

        assert sum(map(len, world.commits.groups)) < 10  # at most the first group, each once
        assert spool.count(world.spool.directory) == 5

    def test_a_failing_wake_up_does_not_stop_the_door(self, world: World) -> None:
        def broken(_ids: list[int]) -> None:
            raise RuntimeError("no broker")

        world.acceptor._wake = broken
        world.acceptor.accept(a_receipt(1))

        assert world.acceptor.accept(a_receipt(2)).delivery == 2

    def test_a_store_without_tables_spools_instead_of_blaming_the_requests(self, world: World) -> None:
        with world.db.write() as conn:
            conn.exec_driver_sql("ALTER TABLE raw_requests RENAME TO gone")

        assert world.acceptor.accept(a_receipt()) == Kept()
        assert spool.count(world.spool.directory) == 1
        assert spool.refused(world.spool.directory) == 0


class TestTold:
    def test_once_although_store_and_spool_both_succeed(self, open_world: Callable[..., World]) -> None:
        world = open_world(wait_seconds=0.05)
        world.commits.gate.clear()
        told: list[object] = []

        world.acceptor.submit(a_receipt(1), told.append)
        wait_until(lambda: told)
        world.commits.gate.set()
        world.acceptor.close()

        assert told == [Kept()]
        assert len(world.rows()) == spool.count(world.spool.directory) == 1
        assert world.acceptor._in_flight == 0

    def test_who_went_to_the_spool_meanwhile_is_left_out_of_another_try(
        self, open_world: Callable[..., World], capsys: pytest.CaptureFixture[str]
    ) -> None:
        world = open_world(wait_seconds=0.05)
        world.commits.failures = [OperationalError("INSERT", None, _Sqlstate("40P01"))]
        world.commits.gate.clear()

        assert world.acceptor.accept(a_receipt(1)) == Kept()
        world.commits.gate.set()  # the deadlock is told only now
        world.acceptor.close()

        assert world.commits.groups == [["receipt-1"]]
        assert "batch_failed" not in "".join(capsys.readouterr())

    def test_submitting_never_waits(self, world: World) -> None:
        world.commits.gate.clear()
        told: list[object] = []

        for n in range(300):
            world.acceptor.submit(a_receipt(n), told.append)

        assert told == []
        world.commits.gate.set()
        wait_until(lambda: len(told) == 300)
        assert {one.delivery for one in told} == {row.id for row in world.rows()}  # type: ignore[attr-defined]

    def test_who_found_no_room_is_told_so(self, open_world: Callable[..., World]) -> None:
        world = open_world(in_flight_bytes=10)
        world.commits.gate.clear()
        told: list[object] = []

        world.acceptor.submit(a_receipt(1), told.append)
        world.acceptor.submit(a_receipt(2), told.append)

        assert [str(one) for one in told] == ["too many bytes in flight"]


class TestBounds:
    def test_bytes_in_flight_are_bounded(self, open_world: Callable[..., World]) -> None:
        world = open_world(in_flight_bytes=10_000)
        world.commits.gate.clear()

        big = partial(world.acceptor.accept, a_receipt(1, body=b"x" * 6000))
        results = in_threads(big, partial(_second, world), partial(_open_gate_after, world))

        assert isinstance(results[1], Overloaded)
        assert results[0].delivery == 1
        assert world.acceptor._in_flight == 0

    def test_a_single_request_always_fits(self, open_world: Callable[..., World]) -> None:
        world = open_world(in_flight_bytes=10)

        assert world.acceptor.accept(a_receipt()).delivery == 1

    def test_away_and_spool_full_is_overload(self, open_world: Callable[..., World]) -> None:
        world = open_world(spool_max_bytes=10)
        world.commits.is_away = True

        with pytest.raises(Overloaded, match="full"):
            world.acceptor.accept(a_receipt())

    def test_closing_commits_what_was_handed_in(self, world: World) -> None:
        held_group(world, *map(a_receipt, range(5)))
        world.acceptor.close()

        assert len(world.rows()) == 6


def _second(world: World) -> Kept:
    world.commits.entered.wait(5)
    return world.acceptor.accept(a_receipt(2, body=b"x" * 6000))


def _open_gate_after(world: World) -> None:
    world.commits.entered.wait(5)
    time.sleep(0.05)
    world.commits.gate.set()


def test_the_simulated_outage_is_an_outage_to_the_store_too() -> None:
    from webhooks import trouble

    assert trouble.of(ConnectionLost) is trouble.Trouble.STORE
