"""A replay on paper reads what a real one would, and writes nothing."""

from __future__ import annotations

from tests.contract.builders import accepted
from worker.cli.rehearsal import Rehearsal, rehearse
from worker.config import Settings
from worker.policy_file import load_policy
from worker.store import letters, tickets
from worker.store.database import Database

FORM = b'{"name": "Lena", "email": "lena@customer.example", "message": "Where is my parcel?"}'


def rehearsed(db: Database, body: bytes) -> Rehearsal:
    [letter] = accepted(db, source="form", endpoint="form", body=body, dead_cause="stale_timestamp")
    row = letters.get_delivery(db, letter.id)
    assert row is not None
    return rehearse(db, row, policy=load_policy(None), settings=Settings())


class TestRehearse:
    def test_what_would_be_a_new_ticket(self, db: Database) -> None:
        found = rehearsed(db, FORM)

        assert (found.outcome, found.ticket) == ("processed", None)
        assert any(step.startswith("ticket.created: it came by the form") for step in found.steps)
        assert tickets.list_tickets(db) == []
