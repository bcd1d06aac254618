"""Refused requests are kept, bounded, and never at the door's expense."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.webhooks.senders import NOW
from tests.unit.webhooks.world import wait_until
from webhooks.refusals import MOST_PER_ROUND, RejectKeeper
from worker.store import rejects
from worker.store.database import Database
from worker.store.rejects import Reject


def a_reject(number: int = 1) -> Reject:
    return Reject(NOW, "chatwoot", "account", "mismatch", {"n": str(number)}, b"\x00\xff")


class TestRejects:
    def test_the_newest_come_first_and_the_oldest_go(self, db: Database) -> None:
        for start in range(0, 12, 4):
            rejects.keep(db, [a_reject(n) for n in range(start, start + 4)], kept=5)

        kept = rejects.latest(db)
        assert [reject.headers["n"] for reject in kept] == ["11", "10", "9", "8", "7"]
        assert rejects.get(db, kept[0].id) == kept[0]
        assert rejects.get(db, 1) is None

    def test_nothing_is_nothing(self, db: Database) -> None:
        rejects.keep(db, [])

        assert rejects.latest(db) == []


class TestRejectKeeper:
    def test_a_flood_is_thinned_to_the_newest(self, db: Database) -> None:
        keeper = RejectKeeper(lambda batch: rejects.keep(db, batch))
        for n in range(MOST_PER_ROUND * 3):
            keeper(a_reject(n))

        keeper.flush()

        assert len(rejects.latest(db, limit=1000)) == MOST_PER_ROUND
        assert rejects.latest(db, limit=1)[0].headers["n"] == str(MOST_PER_ROUND * 3 - 1)

    def test_a_store_that_is_away_is_not_its_problem(self) -> None:
        kept: list[Reject] = []
        is_away = True

        def store(batch: Sequence[Reject]) -> None:
            if is_away:
                raise ConnectionError("away")
            kept.extend(batch)

        keeper = RejectKeeper(store)
        keeper(a_reject(1))
        keeper.flush()
        is_away = False
        keeper(a_reject(2))
        keeper.flush()

        assert [reject.headers["n"] for reject in kept][-1] == "2"

    def test_its_thread_writes_and_closing_writes_the_rest(self, db: Database) -> None:
        keeper = RejectKeeper(lambda batch: rejects.keep(db, batch), round_seconds=0.01)
        keeper.start()
        keeper(a_reject(1))
        wait_until(lambda: len(rejects.latest(db)) == 1)
        keeper(a_reject(2))
        keeper.close()

        assert len(rejects.latest(db)) == 2
