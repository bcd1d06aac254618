"""A table that grows faster than its statistics is not read from end to end for every batch."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from tests.contract.builders import NOON
from tests.contract.life import Life, new_tickets
from tests.contract.matching import seen
from worker.clock import ManualClock
from worker.domain.facts import Person
from worker.policy_file import load_policy
from worker.settling import settle
from worker.store.contacts import match_all
from worker.store.database import Database

BATCHES, EACH = 12, 100


def test_contacts_are_found_by_their_names(db: Database) -> None:
    if db.is_sqlite:
        return  # it looks for a list of keys in one way
    with db.write() as conn:
        for batch in range(BATCHES):
            numbers = range(batch * EACH, (batch + 1) * EACH)
            strangers = {n: seen(Person(str(n), "", f"n{n}@customer.example")) for n in numbers}
            match_all(conn, strangers, organizations=(), now=NOON)
        query = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'contact_identities'")
        read_in_passing = conn.execute(query).scalar_one()

    assert read_in_passing <= 2 * EACH


def test_no_batch_reads_what_came_before_it(db: Database, clock: ManualClock, tmp_path: Path) -> None:
    """By then every statement is prepared, with the plan that was best when the tables were almost empty."""
    if db.is_sqlite:
        return  # it keeps no plan that statistics would change
    life = Life.begun(db, clock, load_policy(None), tmp_path)
    batches = [new_tickets(life, 1 + batch * EACH, EACH) for batch in range(BATCHES * 2)]
    with db.write() as conn:
        for read in batches[:-1]:
            settle(conn, life.desk, read)
        before = _read_in_passing(conn)
        settle(conn, life.desk, batches[-1])
        read_now = {table: number - before[table] for table, number in _read_in_passing(conn).items()}

    assert {table for table, number in read_now.items() if number > EACH} == set()


def _read_in_passing(conn: Connection) -> dict[str, int]:
    query = text("SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables")
    return {row.relname: row.seq_tup_read for row in conn.execute(query)}
