"""What `dead-letters replay` says without --yes is what a replay comes to, also of tickets that are closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.cli.conftest import FIXTURES, Receive, Run, json_lines
from worker.cli import rehearsal
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Parsed
from worker.domain.ticket import Status
from worker.intake.registry import parse
from worker.processing import drain
from worker.store import letters, tickets
from worker.store.inbox import Receipt, accept


@pytest.fixture
def closed(desk: Desk, receive: Receive) -> datetime:
    """t1 was closed at this time, before the customer wrote what `a_letter` holds."""
    receive("01_conversation_created_webwidget")
    stored = tickets.get(desk.db, 1)
    assert stored is not None and stored.ticket is not None
    ended = stored.ticket.created_at + timedelta(milliseconds=1)
    record = replace(stored.ticket, status=Status.CLOSED, closed_at=ended, source_status="resolved")
    with desk.db.write() as conn:
        tickets.save(conn, [(1, record)], policy_version="v1", now=ended)
    return ended


def a_letter(desk: Desk, clock: ManualClock, name: str = "02_message_created_incoming_webwidget") -> int:
    """A good request that was set aside because our clock was wrong."""
    body = (FIXTURES / f"{name}.json").read_bytes()
    receipt = Receipt(name[:36], "chatwoot", "account", name, name, {}, body, clock.now(), dead_cause="stale_timestamp")
    return accept(desk.db, [receipt])[0].id


def replayed(run: Run, desk: Desk, clock: ManualClock, letter: int) -> tuple[str | None, int | None]:
    """Outcome and ticket, after it was really done."""
    run("dead-letters", "replay", f"d{letter}", "--yes")
    clock.advance(max(timedelta(0), datetime.now(UTC) - clock.now()))  # the command line has the real time
    drain(desk, seconds=5)
    row = letters.get_delivery(desk.db, letter)
    assert row is not None
    return row.outcome, row.ticket_id


class TestFollowUps:
    @pytest.mark.usefixtures("closed")
    def test_one_that_would_be_opened_is_said(self, run: Run, desk: Desk, clock: ManualClock) -> None:
        letter = a_letter(desk, clock)

        [shown] = json_lines(run("dead-letters", "replay", f"d{letter}", "--json"))
        [newest] = tickets.list_tickets(desk.db)

        assert (shown["outcome"], shown["ticket_id"]) == ("processed", None)
        assert shown["why"].endswith("facts are new; it would open a follow-up of t1")
        assert any(step.startswith("ticket.created: follows t1") for step in shown["steps"])
        assert newest.id == 1
        assert replayed(run, desk, clock, letter) == ("processed", 2)

    @pytest.mark.usefixtures("closed")
    def test_one_that_is_there_gets_what_is_its_own(self, run: Run, desk: Desk, clock: ManualClock) -> None:
        replayed(run, desk, clock, a_letter(desk, clock))
        letter = a_letter(desk, clock, "03_message_created_outgoing_agent")

        [shown] = json_lines(run("dead-letters", "replay", f"d{letter}", "--json"))

        assert (shown["outcome"], shown["ticket_id"]) == ("processed", 2)
        assert "follow-up" not in shown["why"]
        assert replayed(run, desk, clock, letter) == ("processed", 2)


class TestFaults:
    def test_one_that_breaks_is_told_by_name_and_hides_no_other(
        self, run: Run, desk: Desk, clock: ManualClock, receive: Receive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(source: str, endpoint: str, headers: Any, body: bytes, **given: Any) -> Parsed:
            if body == b"not json":
                raise KeyError("sender")
            return parse(source, endpoint, headers, body, **given)

        receive(b"not json")
        letter = a_letter(desk, clock)
        monkeypatch.setattr(rehearsal, "parse", breaks)

        result = run("dead-letters", "replay", "--all")

        assert result.exit_code == 1
        assert "d1 would end as dead: error: KeyError: 'sender'" in result.stdout
        assert f"d{letter} would end as processed" in result.stdout
