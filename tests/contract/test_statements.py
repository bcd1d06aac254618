"""As many statements as there are kinds of work: SQLAlchemy keeps each one it has built, and building is dear."""

from __future__ import annotations

from pathlib import Path

from tests.contract.life import Life
from tests.contract.test_assigning_together import POLICY, new_tickets, take_on
from worker.clock import ManualClock
from worker.settling import settle
from worker.store.database import Database


def settled(life: Life, first: int, count: int) -> int:
    """After that many new tickets in one transaction: how many statements are kept."""
    read = new_tickets(life, first, count)
    with life.db.write() as conn:
        settle(conn, life.desk, read)
        return len(conn.engine._compiled_cache or ())


class TestStatements:
    def test_a_batch_of_another_size_needs_no_others(self, db: Database, clock: ManualClock, tmp_path: Path) -> None:
        take_on(db)
        life = Life.begun(db, clock, POLICY, tmp_path)
        known = [settled(life, 100, 2), settled(life, 200, 9)][-1]  # few hold the roster, a crowd does not

        after = [settled(life, 1000 * count, count) for count in (3, 4, 5, 6, 10, 11, 12, 13)]

        assert set(after) == {known}
