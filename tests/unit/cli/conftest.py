"""The command line against a real SQLite store in a folder of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import main
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.policy_file import load_policy
from worker.processing import drain
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chatwoot"
NOW = datetime(2026, 6, 18, 9, 5, tzinfo=UTC)
SECRET = "h8cZ5uD3mT7wQ2xK9rV4bN6y"

Run = Callable[..., Result]
Receive = Callable[..., int]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {
        "HOOKDESK_DATA_DIR": str(tmp_path / "data"),
        "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": SECRET,
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }


@pytest.fixture
def run(env: dict[str, str]) -> Run:
    """`run("tickets", "--json")`; more environment as keywords."""

    def invoke(*arguments: str, input: str | bytes | None = None, **more: str) -> Result:
        result = CliRunner().invoke(main, arguments, env={**env, **more}, input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock) -> Iterator[Desk]:
    """What a worker would hold; it stands still until `receive` or a test moves it."""
    settings = Settings(data_dir=tmp_path / "data", chatwoot_url="http://chat.example.com", chatwoot_token="t")
    settings.data_dir.mkdir()
    db = Database.open(settings.database_url, clock=clock)
    db.migrate()
    yield Desk(settings=settings, policy=load_policy(None), db=db, wake=RecordingWaker())
    db.dispose()


@pytest.fixture
def receive(desk: Desk, clock: ManualClock) -> Receive:
    """Accept one body (a fixture's name, or bytes) and process it; returns the delivery's id."""
    numbers = itertools.count(1)

    def one(body: str | bytes, *, source: str = "chatwoot", key: str | None = None, process: bool = True) -> int:
        content = (FIXTURES / f"{body}.json").read_bytes() if isinstance(body, str) else body
        n = next(numbers)
        receipt = Receipt(
            receipt_id=f"00000000-0000-0000-0000-{n:012}",
            source=source,
            endpoint="account",
            delivery_id=f"delivery-{n}",
            dedupe_key=key or f"key-{n}",
            headers={"content-type": "application/json", "x-chatwoot-signature": "sha256=canary"},
            body=content,
            received_at=clock.now(),
            sent_at=clock.now(),
        )
        accepted = accept(desk.db, [receipt])[0]
        if process:
            drain(desk, seconds=5)
        return accepted.id

    return one


def json_lines(result: Result) -> list[dict[str, Any]]:
    """What --json printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]
