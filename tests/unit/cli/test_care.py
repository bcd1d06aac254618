"""escalations and activities: what went to a senior, and what somebody should still do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.cli.conftest import Receive, Run, json_lines
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.ticket import Activity
from worker.store import activities


@pytest.fixture
def escalated(receive: Receive) -> None:
    """Lena asks for a refund: a reason to escalate."""
    receive("01_conversation_created_webwidget")
    receive("02_message_created_incoming_webwidget")


@pytest.fixture
def to_do(desk: Desk, receive: Receive, clock: ManualClock) -> list[int]:
    """Two activities, the later one made first."""
    receive("01_conversation_created_webwidget")
    now = clock.now()
    rows = [
        (1, Activity("health_check", "resolution:1", now + timedelta(days=3650), "does it hold?")),
        (1, Activity("low_score", "resolution:1", now, "ask what went wrong")),
    ]
    with desk.db.write() as conn:
        return activities.add(conn, rows, now=now)


class TestEscalations:
    @pytest.mark.usefixtures("escalated")
    def test_json_tells_reason_level_and_who_has_it(self, run: Run) -> None:
        rows = json_lines(run("escalations", "--json"))

        assert list(rows[0]) == [
            "ticket_id", "status", "priority", "rule", "reason", "level", "since", "level_since", "assignee", "team",
            "subject",
        ]  # fmt: skip
        assert (rows[0]["ticket_id"], rows[0]["rule"], rows[0]["level"]) == (1, "billing or refund", 1)
        assert rows[0]["since"] == "2026-06-18T09:05:00.000000Z"

    @pytest.mark.usefixtures("escalated")
    def test_the_table(self, run: Run) -> None:
        shown = run("escalations").stdout

        assert "billing or refund" in shown
        assert "t1" in shown

    @pytest.mark.usefixtures("escalated")
    def test_only_open_ones(self, run: Run, receive: Receive) -> None:
        assert json_lines(run("escalations", "--open", "--json")) != []
        receive("10_conversation_updated_resolved")

        assert json_lines(run("escalations", "--open", "--json")) == []
        assert [row["status"] for row in json_lines(run("escalations", "--json"))] == ["resolved"]

    def test_a_ticket_without_any_is_not_listed(self, run: Run, desk: Desk) -> None:
        assert "Nothing was escalated" in run("escalations").stdout
        assert "Nothing is escalated" in run("escalations", "--open").stdout

    @pytest.mark.usefixtures("escalated")
    def test_the_ticket_tells_it_too(self, run: Run) -> None:
        [row] = json_lines(run("tickets", "--json"))

        assert row["escalation"] == {"level": 1, "reason": "billing or refund"}


class TestActivities:
    @pytest.mark.usefixtures("to_do")
    def test_what_is_due_soonest_comes_first(self, run: Run) -> None:
        rows = json_lines(run("activities", "list", "--json"))

        assert [(row["id"], row["kind"], row["state"]) for row in rows] == [
            (2, "low_score", "open"),
            (1, "health_check", "open"),
        ]
        assert [row["kind"] for row in json_lines(run("activities", "list", "--kind", "low_score", "--json"))] == [
            "low_score"
        ]
        assert json_lines(run("activities", "list", "--ticket", "t2", "--json")) == []

    @pytest.mark.usefixtures("to_do")
    def test_the_table_says_what_is_overdue(self, run: Run) -> None:
        lines = run("activities", "list").stdout.splitlines()

        assert "a2" in lines[1]
        assert "overdue" in lines[1]
        assert "open" in lines[2]

    @pytest.mark.usefixtures("to_do")
    def test_a_person_has_done_one(self, run: Run) -> None:
        [row] = json_lines(run("activities", "done", "a2", "--note", "called back", "--json"))

        assert (row["state"], row["note"]) == ("done", "called back")
        assert row["done_by"].startswith("cli")
        assert [row["id"] for row in json_lines(run("activities", "list", "--json"))] == [1]
        assert [row["id"] for row in json_lines(run("activities", "list", "--state", "done", "--json"))] == [2]

    @pytest.mark.usefixtures("to_do")
    def test_one_is_called_off_with_a_reason(self, run: Run) -> None:
        assert run("activities", "cancel", "a1").exit_code == 2

        [row] = json_lines(run("activities", "cancel", "a1", "--reason", "customer left", "--json"))
        assert (row["state"], row["note"]) == ("cancelled", "customer left")

    @pytest.mark.usefixtures("to_do")
    def test_what_has_ended_stays_so(self, run: Run) -> None:
        run("activities", "done", "a2")

        again = run("activities", "cancel", "a2", "--reason", "no")
        assert (again.exit_code, "a2 is done already" in again.output) == (4, True)
        unknown = run("activities", "done", "a9")
        assert (unknown.exit_code, "There is no activity a9" in unknown.output) == (1, True)


class TestPolicy:
    def test_it_shows_escalation_closing_and_notices(self, run: Run) -> None:
        shown = run("policy", COLUMNS="400").stdout

        assert "3 messages of the customer or more" in shown
        assert "at once to a senior, then after 1 h to a senior, then after 4 h to a senior" in shown
        assert "Closing: 5 m after the customer confirms, or 5 d after resolving with a notice 1 d before" in shown
        assert "health check after 7 d" in shown
        assert "billing: replied" in shown
        assert "Notices: the assignee alone; add [notices]" in shown
