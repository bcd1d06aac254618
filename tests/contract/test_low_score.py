"""A bad answer from our own page, all the way into the store: the follow-up opens, and a better answer ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.builders import NOON
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.policy_file import load_policy
from worker.processing import drain
from worker.store import activities, effects, tickets
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

FIXTURES = Path(__file__).parents[1] / "fixtures" / "chatwoot"
Receive = Callable[[str, str, bytes], None]


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    return Desk(settings=Settings(data_dir=tmp_path), policy=load_policy(None), db=db, wake=RecordingWaker())


@pytest.fixture
def receive(desk: Desk, clock: ManualClock) -> Receive:
    def one(key: str, source: str, body: bytes) -> None:
        accept(desk.db, [Receipt(key, source, "main", None, key, {}, body, clock.now())])
        drain(desk, seconds=5)

    return one


@pytest.fixture
def ticket(desk: Desk, receive: Receive) -> int:
    """One that was resolved."""
    for number in ("02", "03", "09"):
        (path,) = FIXTURES.glob(f"{number}_*.json")
        receive(number, "chatwoot", path.read_bytes())
    return tickets.list_tickets(desk.db)[0].id


def answer(ticket: int, rating: int, minute: int) -> bytes:
    at = NOON + timedelta(days=60, minutes=minute)
    return json.dumps({"ticket_id": ticket, "resolution": 1, "rating": rating, "at": at.isoformat()}).encode()


class TestFollowUp:
    def test_it_opens_once_and_ends_when_the_customer_thinks_better_of_it(
        self, desk: Desk, receive: Receive, ticket: int
    ) -> None:
        states = []
        for minute, rating in enumerate((2, 1, 4)):
            receive(f"answer-{minute}", "survey", answer(ticket, rating, minute))
            rows = activities.list_activities(desk.db, ticket=ticket, kind="low_score")
            states.append([(one.state, one.note) for one in rows])

        ended = ("cancelled", "the customer changed the answer to 4 of 5: nobody needs to call about it")
        assert states == [[("open", None)], [("open", None)], [ended]]

    def test_who_must_know_is_told_once(self, desk: Desk, receive: Receive, ticket: int) -> None:
        for minute, rating in enumerate((2, 1)):
            receive(f"answer-{minute}", "survey", answer(ticket, rating, minute))

        told = [one.kind.value for one in effects.list_effects(desk.db, ticket=ticket) if "low_score" in one.decision]
        assert sorted(told) == ["operator_notice", "private_note"]
        assert sum(one.name == "csat.low_score" for one in tickets.events_of(desk.db, ticket)) == 1

    def test_one_that_a_person_has_done_stays_done(self, desk: Desk, receive: Receive, ticket: int) -> None:
        receive("answer-0", "survey", answer(ticket, 1, 0))
        (opened,) = activities.list_activities(desk.db, ticket=ticket, kind="low_score")
        activities.end(desk.db, opened.id, state="done", actor="maya", note="called")
        receive("answer-1", "survey", answer(ticket, 5, 1))

        (after,) = activities.list_activities(desk.db, ticket=ticket, kind="low_score")
        assert (after.state, after.done_by, after.note) == ("done", "maya", "called")
