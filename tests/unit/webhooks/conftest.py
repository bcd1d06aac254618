"""A door on a real SQLite file, with every thread it has in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.webhooks.senders import BEARER, CHATWOOT_SECRET, LINK_SECRET, NOW, STANDARD_SECRET, URL_TOKEN
from tests.unit.webhooks.world import Commits, World
from webhooks.spool import Spool
from worker.clock import ManualClock
from worker.config import Settings
from worker.store.database import Database


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        link_secrets=(LINK_SECRET,),
        chatwoot_webhook_secrets=(CHATWOOT_SECRET,),
        chatwoot_url_token=URL_TOKEN,
        email_secrets=(STANDARD_SECRET,),
        email_bearer_tokens=(BEARER,),
    )


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; every test works on a copy."""
    path = tmp_path_factory.mktemp("door") / "empty.db"
    db = Database.open(f"sqlite:///{path}")
    db.migrate()
    db.dispose()
    return path


@pytest.fixture
def db(settings: Settings, empty_database: Path) -> Iterator[Database]:
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    path.write_bytes(empty_database.read_bytes())
    database = Database.open(settings.database_url)
    yield database
    database.dispose()


@pytest.fixture
def commits(db: Database) -> Commits:
    return Commits(db)


@pytest.fixture
def open_world(settings: Settings, db: Database, commits: Commits) -> Iterator[Callable[..., World]]:
    """Opens a door with other settings than usual."""
    opened: list[World] = []

    def open_(**changes: object) -> World:
        opened.append(World(settings, db, commits, ManualClock(NOW), **changes))  # type: ignore[arg-type]
        return opened[-1]

    yield open_
    for world in opened:
        world.close()


@pytest.fixture
def world(open_world: Callable[..., World]) -> World:
    return open_world()


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    opened: list[Spool] = []

    def open_(max_bytes: int = 1 << 20, **given: int) -> Spool:
        spool = Spool(tmp_path / "spool", max_bytes=max_bytes, **given)
        spool.open()
        opened.append(spool)
        return spool

    yield open_
    for spool in opened:
        spool.close()
