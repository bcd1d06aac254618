"""Tickets by the API: created, listed, shown and acted on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.conftest import FORM, LENA, READER, Call
from worker import shapes
from worker.desk import Desk
from worker.store import tickets
from worker.wake import RecordingWaker

LIFE: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("triage", {"priority": "Critical", "tags": ["vip"]}, "triaged"),
    ("assign", {"agent": "ada@desk.example", "team": "billing"}, "in_progress"),
    ("reply", {"text": "Which parcel?"}, "pending_customer"),
    ("escalate", {"reason": "a lawyer writes"}, "pending_customer"),
    ("resolve", {"resolution": "Sent again."}, "resolved"),
    ("reopen", {}, "in_progress"),
    ("resolve", {"resolution": "Sent by courier."}, "resolved"),
    ("close", {"reason": "they called"}, "closed"),
)


def described(call: Call, **given: Any) -> dict[str, Any]:
    answer = call("POST", "/api/tickets", {"description": "Where is my parcel?", "requester": LENA, **given})
    assert answer.status_code == 201
    body: dict[str, Any] = answer.get_json()
    return body


class TestCreate:
    def test_a_crm_opens_a_ticket(self, call: Call, desk: Desk) -> None:
        said = {"subject": "Parcel", "description": "Where is it?", "requester": LENA, "priority": "High",
                "category": "Billing", "channel": "crm", "tags": ["vip"], "internal": True}  # fmt: skip

        answer = call("POST", "/api/tickets", said, key="crm-7")

        body = answer.get_json()
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/tickets/{body['id']}")
        assert (body["source"], body["external_id"], body["status"]) == ("api", "crm-7", "triaged")
        assert (body["subject"], body["requester"], body["channel"]) == ("Parcel", LENA, "crm")
        assert (body["priority"], body["category"], body["tags"]) == ("high", "billing", ["vip"])
        stored = tickets.get(desk.db, body["id"])
        assert stored is not None and stored.ticket is not None
        assert body == shapes.json.loads(shapes.dumps(shapes.ticket(stored)))
        assert (stored.ticket.internal, stored.ticket.description) == (True, "Where is it?")

    def test_the_same_again_is_told_to_be_a_repetition(self, call: Call) -> None:
        said = {"subject": "Parcel", "requester": LENA}
        first = call("POST", "/api/tickets", said, key="crm-7")

        again = call("POST", "/api/tickets", said, key="crm-7")

        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert again.get_json() == first.get_json()
        assert "Idempotency-Replayed" not in first.headers

    def test_a_token_that_may_only_create_may(self, call: Call) -> None:
        assert call("POST", "/api/tickets", {"subject": "x", "requester": LENA}, token=FORM).status_code == 201


class TestVerbs:
    def test_a_ticket_goes_all_the_way(self, call: Call, ticket: int) -> None:
        for verb, said, status in LIFE:
            answer = call("POST", f"/api/tickets/{ticket}/{verb}", said)

            assert (answer.status_code, answer.get_json()["status"]) == (200, status), verb

        assert answer.get_json()["resolution"]["text"] == "Sent by courier."
        assert answer.get_json()["assignee"] == {"id": "1", "name": "Ada"}
        assert (answer.get_json()["priority"], answer.get_json()["reopen_count"]) == ("urgent", 1)
        assert answer.get_json()["closed_at"] is not None

    def test_what_the_status_does_not_allow_is_a_409_with_the_edges(self, call: Call, ticket: int) -> None:
        answer = call("POST", f"/api/tickets/t{ticket}/reopen", {})

        body = answer.get_json()
        assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
        assert (body["code"], body["ticket_status"], body["verb"]) == ("invalid_transition", "triaged", "reopen")
        assert (body["legal"], body["verbs"]) == (["in_progress"], ["triage", "assign", "escalate", "reply"])
        assert body["detail"] == "reopen is not possible while the ticket is triaged; legal from here: in_progress"

    def test_a_close_that_is_not_done_says_what_is_missing(self, call: Call, ticket: int) -> None:
        for verb, said, _ in LIFE[:3]:
            call("POST", f"/api/tickets/{ticket}/{verb}", said)
        call("POST", f"/api/tickets/{ticket}/resolve")

        refused = call("POST", f"/api/tickets/{ticket}/close")
        done = call("POST", f"/api/tickets/{ticket}/close", {"resolution": "Sent again."})

        assert (refused.status_code, refused.get_json()["code"]) == (409, "not_done")
        assert refused.get_json()["missing"] == ["it does not say what was done: no resolution text"]
        assert (done.status_code, done.get_json()["status"]) == (200, "closed")

    def test_a_proposal_to_close_is_accepted_and_not_done(self, call: Call, ticket: int) -> None:
        for verb, said, _ in LIFE[:5]:
            call("POST", f"/api/tickets/{ticket}/{verb}", said)

        answer = call("POST", f"/api/tickets/{ticket}/close", {"automatic": True, "reason": "quiet"})

        assert (answer.status_code, answer.get_json()["status"]) == (202, "resolved")
        assert call("GET", f"/api/tickets/{ticket}").get_json()["proposed_close"] == "crm: quiet"

    def test_a_key_stands_for_one_act(self, call: Call, ticket: int, desk: Desk) -> None:
        path = f"/api/tickets/{ticket}/assign"
        first = call("POST", path, {"agent": "ada"}, key="k")

        again, other = call("POST", path, {"agent": "ada"}, key="k"), call("POST", path, {"team": "billing"}, key="k")

        assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert other.get_json()["code"] == "idempotency_key_reused"
        assert [e.name for e in tickets.events_of(desk.db, ticket)].count("ticket.acted") == 2

    def test_the_person_behind_the_call_is_told(self, call: Call, ticket: int, desk: Desk) -> None:
        call("POST", f"/api/tickets/{ticket}/assign", {"agent": "ada", "actor": "Mo", "reason": "she knows it"})

        (said,) = [e.reason for e in tickets.events_of(desk.db, ticket) if e.data.get("verb") == "assign"]
        assert said == "assign by Mo (crm): to Ada; she knows it"

    def test_effects_are_woken(self, call: Call, ticket: int, desk: Desk) -> None:
        call("POST", f"/api/tickets/{ticket}/reply", {"text": "Hello"})

        assert isinstance(desk.wake, RecordingWaker)
        assert desk.wake.woken[-1][0] == "effects"

    @pytest.mark.parametrize("number", ["99", "t99", "d1", "0", "-1", "x", "1" * 30, "%00"])
    @pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/reopen")])
    def test_an_unknown_ticket_is_not_found(self, call: Call, method: str, rest: str, number: str) -> None:
        answer = call(method, f"/api/tickets/{number}{rest}")

        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


class TestList:
    @pytest.fixture
    def three(self, call: Call) -> list[int]:
        """Low and in progress, high and triaged, urgent and resolved."""
        numbers = [described(call, description=f"{p} matter", priority=p)["id"] for p in ("low", "high", "urgent")]
        for verb, said in (("assign", {"agent": "1"}),):
            call("POST", f"/api/tickets/{numbers[0]}/{verb}", said)
        for verb, said in (("assign", {"agent": "1", "team": "billing"}), ("resolve", {"resolution": "done"})):
            call("POST", f"/api/tickets/{numbers[2]}/{verb}", said)
        return numbers

    @pytest.mark.parametrize(
        ("query", "places"),
        [
            ("", [2, 1, 0]),
            ("status=open", [1, 0]),
            ("state=OPEN", [1, 0]),
            ("status=In-Progress", [0]),
            ("status=in%20progress,done", [2, 0]),
            ("status=waiting", []),
            ("priority=HIGH,critical", [2, 1]),
            ("status=open&priority=high", [1]),
            ("assignee=Ada", [2, 0]),
            ("assignee=none", [1]),
            ("team=10&status=done", [2]),
            ("q=HIGH", [1]),
            ("q=", [2, 1, 0]),
            ("category=nothing", []),
        ],
    )
    def test_filters_are_taken_as_people_write_them(
        self, call: Call, three: list[int], query: str, places: list[int]
    ) -> None:
        answer = call("GET", f"/api/tickets?{query}", token=READER)

        assert answer.status_code == 200
        assert [one["id"] for one in answer.get_json()["tickets"]] == [three[place] for place in places]
        assert answer.get_json()["next"] is None

    def test_pages_go_on_where_the_last_one_ended(self, call: Call, three: list[int]) -> None:
        first = call("GET", "/api/tickets?limit=2").get_json()
        rest = call("GET", f"/api/tickets?limit=2&cursor={first['next']}").get_json()

        assert [one["id"] for one in first["tickets"] + rest["tickets"]] == three[::-1]
        assert rest["next"] is None

    def test_mistakes_are_told_at_once(self, call: Call) -> None:
        answer = call("GET", "/api/tickets?status=opn&limit=0&team=biling&colour=red&cursor=x&priority=a&priority=b")

        assert answer.status_code == 422
        assert {one["field"]: one["reason"] for one in answer.get_json()["errors"]} == {
            "status": "'opn' is not a status; did you mean open?",
            "limit": "write a whole number from 1 to 200",
            "team": "there is no team 'biling'; did you mean billing?",
            "colour": "is not known here",
            "cursor": "this is not the `next` of an earlier answer",
            "priority": "is there twice; separate several values with commas",
        }


class TestShow:
    def test_it_has_the_history_with_reasons_and_all_that_belongs_to_it(self, call: Call, ticket: int) -> None:
        for verb, said, _ in LIFE[:5]:
            call("POST", f"/api/tickets/{ticket}/{verb}", said)

        body = call("GET", f"/api/tickets/t{ticket}", token=READER).get_json()

        assert (body["id"], body["description"], body["verbs"]) == (ticket, "Where is my parcel?", ["close", "reopen"])
        names = [event["name"] for event in body["history"]]
        assert names[0] == "ticket.created" and "ticket.escalated" in names and "ticket.resolved" in names
        assert all(event["reason"] and event["at"].endswith("Z") for event in body["history"])
        assert [message["text"] for message in body["messages"]] == ["Where is my parcel?"]
        assert {effect["kind"] for effect in body["effects"]} >= {"assign_agent", "reply"}
        assert {clock["metric"] for clock in body["clocks"]} >= {"first_response", "resolution"}
        assert {activity["kind"] for activity in body["activities"]} >= {"satisfaction_survey", "health_check"}


class TestQueue:
    def test_it_is_what_a_dashboard_shows(self, call: Call, ticket: int) -> None:
        other = described(call, description="Another matter", priority="urgent")["id"]
        call("POST", f"/api/tickets/{other}/assign", {"agent": "ada", "team": "billing"})

        body = call("GET", "/api/queue", token=READER).get_json()

        assert (body["depth"], body["unassigned"], body["waiting"]) == (2, 1, 0)
        assert (body["at_risk"], body["breached"]) == (0, 0)
        assert body["oldest_at"] == "2026-06-18T09:05:01.000000Z"
        assert body["oldest_seconds"] == 3
        assert sum(body["by_priority"].values()) == 2 and body["by_priority"]["urgent"] == 1
        (billing,) = [one for one in body["by_team"] if one["team"] == {"id": "10", "name": "billing"}]
        assert billing["depth"] >= 1
