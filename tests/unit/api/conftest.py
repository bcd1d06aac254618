"""The ticket API on a real SQLite store, called in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from worker.api.app import create_app
from worker.api_tokens import read
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.policy_file import load_policy
from worker.store import people
from worker.store.database import Database
from worker.wake import RecordingWaker

NOW = datetime(2026, 6, 18, 9, 5, tzinfo=UTC)
WRITER, READER, FORM = "writer-" + "w" * 24, "reader-" + "r" * 24, "form-" + "f" * 24
TOKENS = read(f"crm:read+write:{WRITER},board:read:{READER},form:create:{FORM}")
LENA = {"name": "Lena", "email": "lena@customer.example"}

Call = Callable[..., TestResponse]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Migrated once; every test works on a copy."""
    path = tmp_path_factory.mktemp("api") / "empty.db"
    db = Database.open(f"sqlite:///{path}")
    db.migrate()
    db.dispose()
    return path.read_bytes()


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock, empty_database: bytes) -> Iterator[Desk]:
    settings = Settings(data_dir=tmp_path, api_tokens=TOKENS)
    Path(settings.database_url.removeprefix("sqlite:///")).write_bytes(empty_database)
    db = Database.open(settings.database_url, clock=clock)
    agent: dict[str, Any] = {"role": "agent", "availability": "offline", "team_ids": ("10",)}
    people.replace_roster(db, [RosterAgent(Person("1", "Ada", "ada@desk.example"), **agent)], [Person("10", "billing")])
    yield Desk(settings=settings, policy=load_policy(None), db=db, wake=RecordingWaker())
    db.dispose()


@pytest.fixture
def app(desk: Desk) -> Flask:
    return create_app(desk)


@pytest.fixture
def call(app: Flask, clock: ManualClock) -> Call:
    """`call("POST", "/api/tickets", {…}, key="k")`, by the token that may write unless told otherwise."""
    client = app.test_client()

    def one(
        method: str, path: str, body: Any = None, *, token: str = WRITER, key: str = "", **more: Any
    ) -> TestResponse:
        clock.advance(1)
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        sent = {"data": body, "content_type": "application/json"} if isinstance(body, bytes) else {"json": body}
        return client.open(path, method=method, headers=headers | more, **({} if body is None else sent))

    return one


@pytest.fixture
def ticket(call: Call) -> int:
    """A ticket that was created by the API."""
    answer = call("POST", "/api/tickets", {"description": "Where is my parcel?", "requester": LENA}, key="crm-1")
    assert answer.status_code == 201
    number: int = answer.get_json()["id"]
    return number
