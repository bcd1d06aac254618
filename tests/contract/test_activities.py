"""Activities in the store: opened once, and open again only if it was ourselves who called them off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.life import Life, a_request, a_state
from worker.clock import ManualClock
from worker.domain.ticket import Activity, Ended
from worker.policy_file import load_policy
from worker.store import activities
from worker.store.database import Database


@pytest.fixture
def ticket(db: Database, clock: ManualClock, tmp_path: Path) -> int:
    stored = Life.begun(db, clock, load_policy(None), tmp_path).hear(a_state(0), a_request(1), now=2)
    assert stored is not None
    return stored


def added(db: Database, clock: ManualClock, ticket: int) -> list[int]:
    with db.write() as conn:
        return activities.add(
            conn, [(ticket, Activity("health_check", "resolution:1", clock.now(), "?"))], now=clock.now()
        )


def states(db: Database, ticket: int) -> list[tuple[str, str | None]]:
    return [(one.state, one.done_by) for one in activities.list_activities(db, ticket=ticket)]


def test_once(db: Database, clock: ManualClock, ticket: int) -> None:
    assert len(added(db, clock, ticket)) == 1
    assert added(db, clock, ticket) == []
    assert states(db, ticket) == [("open", None)]


def test_what_we_called_off_is_open_again(db: Database, clock: ManualClock, ticket: int) -> None:
    added(db, clock, ticket)
    with db.write() as conn:
        activities.cancel(conn, [(ticket, Ended("health_check", "resolution:1", "reopened"))], now=clock.now())
    assert states(db, ticket) == [("cancelled", "hookdesk")]

    assert added(db, clock, ticket) == []
    assert states(db, ticket) == [("open", None)]


@pytest.mark.parametrize("state", ["cancelled", "done"])
def test_what_a_person_ended_stays_so(db: Database, clock: ManualClock, ticket: int, state: str) -> None:
    [number] = added(db, clock, ticket)
    activities.end(db, number, state=state, actor="ana@desk.example")

    added(db, clock, ticket)

    assert states(db, ticket) == [(state, "ana@desk.example")]
