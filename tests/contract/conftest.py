"""Every store test runs on both databases; each gets an empty one, and a clock that stands still until moved."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.contract.desks import Use, a_desk, asked, man
from tests.postgres import PostgresServer
from worker.acting import Acted, act
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Verb
from worker.store.database import Database
from worker.store.schema import metadata

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_numbers = count()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], scope="session")
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with all tables, made once: migrating takes longer than most tests."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('migrated')}/hookdesk.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create("migrated")
    database = Database.open(url)
    database.migrate()
    database.dispose()
    return url


@pytest.fixture
def url(migrated: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database without tables."""
    if migrated.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/hookdesk.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create(f"t{next(_numbers)}")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def empty(url: str, clock: ManualClock) -> Iterator[Database]:
    database = Database.open(url, clock=clock)
    yield database
    database.dispose()


@pytest.fixture
def db(migrated: str, tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    """A database with all tables and no rows, opened as by a worker."""
    if migrated.startswith("sqlite"):
        shutil.copy(migrated.removeprefix("sqlite:///"), tmp_path / "copy.db")
        database = Database.open(f"sqlite:///{tmp_path}/copy.db", clock=clock)
    else:  # emptied, not copied: a new one takes longer than most tests
        database = Database.open(migrated, clock=clock, by_key=True)
        with database.write() as conn:
            names = ", ".join(table.name for table in metadata.sorted_tables)
            conn.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY")
    yield database
    database.dispose()


@pytest.fixture
def desk(db: Database) -> Desk:
    """With the built-in policy and two agents."""
    man(db)
    return a_desk(db)


@pytest.fixture
def use(desk: Desk, clock: ManualClock) -> Use:
    """Use a verb on a ticket, with what it needs, a second later."""

    def one(ticket: int, verb: Verb, **given: Any) -> Acted:
        clock.advance(1)
        return act(desk, ticket, asked(verb, **given))

    return one
