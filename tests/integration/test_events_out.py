"""From a webhook of Chatwoot to a signed event at a CRM: through intake, decision and store, to a real receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.receiving import SECRET, WebhookReceiver
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.domain.policy import Target
from worker.performing import perform_due
from worker.policy_file import load_policy
from worker.processing import drain
from worker.store.database import Database
from worker.store.effects import list_effects
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

FIXTURES = Path(__file__).parents[1] / "fixtures" / "chatwoot"
NOW = datetime(2026, 6, 18, 9, 5, tzinfo=UTC)
OPENED, RESOLVED = "01_conversation_created_webwidget", "09_conversation_status_changed_resolved"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, receiver: WebhookReceiver) -> Iterator[Desk]:
    settings = Settings(data_dir=tmp_path, event_secrets=(("", SECRET),))
    db = Database.open(settings.database_url, clock=ManualClock(NOW))
    db.migrate()
    crm = Target("crm", receiver.url, ("ticket.created", "ticket.resolved"), allow_private=True)
    yield Desk(settings=settings, policy=replace(load_policy(None), targets=(crm,)), db=db, wake=RecordingWaker())
    db.dispose()


def receive(desk: Desk, name: str) -> None:
    receipt = Receipt(
        receipt_id=name, source="chatwoot", endpoint="account", delivery_id=name, dedupe_key=name, headers={},
        body=(FIXTURES / f"{name}.json").read_bytes(), received_at=NOW, sent_at=NOW,
    )  # fmt: skip
    accept(desk.db, [receipt])
    drain(desk, seconds=5)


def perform(desk: Desk) -> None:
    perform_due(desk.db, lambda: None, desk.policy, desk.settings, clock=ManualClock(NOW), seconds=30)


class TestEvents:
    def test_a_crm_hears_of_a_ticket_and_of_its_resolution_once(self, desk: Desk, receiver: WebhookReceiver) -> None:
        for name in (OPENED, RESOLVED):
            receive(desk, name)
            perform(desk)
        receive(desk, RESOLVED)
        perform(desk)

        bodies = [json.loads(got.body) for got in receiver.got]
        assert [body["type"] for body in bodies].count("ticket.resolved") == 1
        assert bodies[0]["type"] == "ticket.created"
        assert bodies[0]["data"]["ticket_id"] == 1
        assert bodies[0]["data"]["ticket"]["source"] == "chatwoot"
        assert all(got.is_signed_with(SECRET) for got in receiver.got)

    def test_in_dry_run_nobody_hears_anything(self, desk: Desk, receiver: WebhookReceiver) -> None:
        silent = replace(desk, settings=replace(desk.settings, effects="dry-run"))

        receive(silent, OPENED)
        perform(silent)

        assert receiver.got == []
        assert {row.state for row in list_effects(desk.db, kind="event")} == {"dry_run"}
