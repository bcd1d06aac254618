"""Many keys at once: found by the index, also where the database knows nothing about its tables yet."""

from __future__ import annotations

from sqlalchemy import select, text

from tests.contract.builders import NOON
from worker.store.bulk import by_keys, insert_rows
from worker.store.database import Database
from worker.store.schema import tickets

NAMES = ("source", "external_id")
MANY = 400


class TestByKeys:
    def test_it_finds_the_rows_of_these_keys_and_no_others(self, db: Database) -> None:
        _add_tickets(db)
        with db.read() as conn:
            found = by_keys(conn, tickets, NAMES, [("chatwoot", "1/7"), ("chatwoot", "1/9"), ("chatwoot", "none")])
            assert sorted(conn.execute(select(found.c.external_id)).scalars()) == ["1/7", "1/9"]

    def test_each_key_is_looked_up_before_there_are_statistics(self, db: Database) -> None:
        _add_tickets(db)
        with db.read() as conn:
            found = by_keys(conn, tickets, NAMES, [("chatwoot", f"1/{n}") for n in range(100)])
            query = select(found.c.id).compile(dialect=conn.dialect, compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
            plan = [str(row) for row in conn.execute(text(f"{explain} {query}".replace(":", r"\:")))]

        searches = [line for line in plan if "Index Cond" in line or "USING" in line]
        assert any("source" in line and "external_id" in line for line in searches), plan


def _add_tickets(db: Database) -> None:
    rows = [
        {"source": "chatwoot", "external_id": f"1/{n}", "created_at": NOON, "updated_at": NOON} for n in range(MANY)
    ]
    with db.write() as conn:
        insert_rows(conn, tickets, rows)
