"""What the tests of contacts share: a requester, and what comes of meeting one in some tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tests.contract.builders import NOON, a_key, a_ticket
from worker.domain.facts import Matched, Person
from worker.domain.people import Sighting
from worker.domain.policy import OrganizationRule
from worker.store import tickets
from worker.store.contacts import match_all
from worker.store.database import Database

ACME = OrganizationRule("Acme", domains=("acme.example", "Acme.Test"), tier="gold", value=5000)
LENA = Person("41", "Lena", "Lena@Acme.example")


def seen(person: Person = LENA, at: datetime = NOON, **changes: Any) -> Sighting:
    return Sighting(person, at, **changes)


def matched(
    db: Database,
    *wanted: tuple[int, Sighting],
    now: datetime = NOON,
    rules: Sequence[OrganizationRule] = (),
    store: bool = True,
) -> list[Matched]:
    """What comes of it, in the order of the tickets, stored with them as a decision stores it."""
    with db.write() as conn:
        found = match_all(conn, dict(wanted), organizations=rules, now=now)
        if store:
            rows = [(i, replace(a_ticket(a_key(i)), matched=match)) for i, match in found.items()]
            tickets.save(conn, rows, policy_version="v1", now=now)
    return [found[i] for i in sorted(found)]


def rows(db: Database, table: Any, *names: str) -> list[tuple[Any, ...]]:
    columns = [table.c[name] for name in names]
    with db.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(*columns))]
