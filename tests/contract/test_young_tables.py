"""A table that grows faster than its statistics is not read from end to end for every batch."""

from __future__ import annotations

from sqlalchemy import text

from tests.contract.builders import NOON
from tests.contract.matching import seen
from worker.domain.facts import Person
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
