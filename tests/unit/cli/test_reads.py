"""deliveries, tickets, ledger, sla: what operators and programs read, over a real store."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.cli.conftest import Receive, Run, json_lines
from worker.desk import Desk

DELIVERY = [
    "id", "source", "event", "state", "outcome", "attempts", "delivery_key", "received_at", "done_at", "ticket_id",
    "duplicate_of", "cause",
]  # fmt: skip
TICKET = [
    "id", "source", "external_id", "generation", "subject", "status", "priority", "score", "category", "channel",
    "requester", "organization", "assignee", "team", "tags", "fields", "resolution", "escalation", "reopen_count",
    "sla", "created_at", "updated_at", "closed_at",
]  # fmt: skip
EFFECT = ["id", "kind", "key", "ticket_id", "state", "attempts", "next_at", "expires_at", "cause"]
LEDGER = [
    "received", "reconciled", "processed", "ignored", "stale", "duplicate", "pending", "processing", "retry", "dead",
    "discarded", "difference", "spooled",
]  # fmt: skip


class TestDeliveries:
    def test_json_has_exactly_the_promised_names(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        (row,) = json_lines(run("deliveries", "--json"))

        assert list(row) == DELIVERY
        assert (row["id"], row["state"], row["outcome"], row["ticket_id"]) == (1, "done", "processed", 1)
        assert row["received_at"] == "2026-06-18T09:05:00.000000Z"

    def test_the_table_names_the_first_of_a_duplicate(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget", key="same")
        receive("01_conversation_created_webwidget", key="same")

        result = run("deliveries")

        assert "same as d1" in result.stdout
        assert result.exit_code == 0

    def test_filters_leave_the_others_out(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")
        receive(b"not json")

        assert [row["id"] for row in json_lines(run("deliveries", "--state", "dead", "--json"))] == [2]
        assert [row["id"] for row in json_lines(run("deliveries", "--ticket", "t1", "--json"))] == [1]
        assert json_lines(run("deliveries", "--source", "email", "--json")) == []

    def test_nothing_yet_says_what_to_do(self, run: Run, receive: Receive) -> None:
        assert "hookdesk sign --send" in run("deliveries").stdout


class TestTickets:
    def test_json_has_exactly_the_promised_names(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        (row,) = json_lines(run("tickets", "--json"))

        assert list(row) == TICKET
        assert row["external_id"] == "1/312"
        assert row["category"] == "billing"
        assert row["requester"] == {"name": "Lena Fischer", "email": "lena.fischer@customer.example"}
        assert {clock["metric"] for clock in row["sla"]} == {"first_response", "resolution"}
        assert list(row["sla"][0]) == ["metric", "deadline_at", "warned_at", "met_at", "breached_at", "paused"]

    def test_filters(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        assert len(json_lines(run("tickets", "--status", "triaged", "--json"))) == 1
        assert json_lines(run("tickets", "--status", "resolved", "--json")) == []
        assert run("tickets", "--status", "opn").exit_code == 2

    def test_customers_cannot_write_to_the_terminal(self, run: Run, receive: Receive) -> None:
        from tests.unit.cli.conftest import FIXTURES

        body = (FIXTURES / "01_conversation_created_webwidget.json").read_text()
        receive(body.replace("Hi, I was", "\\u001b[2JHi, I was").encode())

        assert "\x1b" not in run("tickets").stdout + run("trace", "t1").stdout


class TestLedger:
    def test_it_adds_up_and_says_so(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget", key="same")
        receive("01_conversation_created_webwidget", key="same")
        receive(b"not json")

        result = run("ledger", "--json")

        (books,) = json_lines(result)
        assert list(books) == LEDGER
        assert (books["received"], books["processed"], books["duplicate"], books["dead"]) == (3, 1, 1, 1)
        assert books["difference"] == 0
        assert result.exit_code == 0

    def test_a_difference_is_a_finding(self, run: Run, receive: Receive, desk: object) -> None:
        from sqlalchemy import delete

        from worker.store.schema import receipt_counts

        receive("01_conversation_created_webwidget")
        assert isinstance(desk, Desk)
        with desk.db.write() as conn:
            conn.execute(delete(receipt_counts))

        result = run("ledger")

        assert result.exit_code == 1
        assert "-1" in result.stdout and "LedgerDoesNotAddUp" in result.stdout


class TestSla:
    def test_explain_adds_up(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")
        receive("03_message_created_outgoing_agent")

        clocks = json_lines(run("sla", "explain", "t1", "--json"))

        assert {clock["metric"] for clock in clocks} >= {"first_response", "resolution"}
        for clock in clocks:
            assert clock["spans"]
            assert clock["counted_seconds"] == sum(span["counted_seconds"] for span in clock["spans"])
        first = next(clock for clock in clocks if clock["metric"] == "first_response")
        assert first["standing"] == "met"
        assert timedelta(seconds=first["counted_seconds"]) < timedelta(seconds=first["target_seconds"])

    def test_explain_is_readable(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")
        receive("03_message_created_outgoing_agent")

        text = run("sla", "explain", "t1").stdout

        assert "first response 1: met at" in text
        assert "waiting for the customer" in text
        assert "sum:" in text

    def test_list_shows_the_breached_alone(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        assert len(json_lines(run("sla", "list", "--json"))) == 2
        assert json_lines(run("sla", "list", "--breached", "--json")) == []

    def test_an_unknown_ticket_is_not_found(self, run: Run, receive: Receive) -> None:
        assert run("sla", "explain", "99").exit_code == 1
