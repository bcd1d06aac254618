"""The practice API's real habits, its faults, its buttons and its record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from worker.clock import ManualClock
from worker.practice.faults import Fault
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.practice.world import Team


class Caller:
    """Calls one practice Chatwoot as a program would."""

    def __init__(self, practice: PracticeChatwoot) -> None:
        self._account = f"{practice.url}/api/v1/accounts/1"
        self._practice = practice
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, body: Any = None, *, token: str = TOKEN) -> requests.Response:
        headers = {"api_access_token": token}
        return self._session.request(method, f"{self._account}{path}", json=body, headers=headers, timeout=5)

    def press(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self._session.request(method, f"{self._practice.url}/practice{path}", json=body, timeout=5)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 6, 18, 9, 0, tzinfo=UTC))


@pytest.fixture
def practice(clock: ManualClock) -> Iterator[PracticeChatwoot]:
    teams = (Team(2, "billing", (7, 9)), Team(3, "technical", (8, 10), allow_auto_assign=True))
    with PracticeChatwoot(clock=clock, teams=teams, requests_per_minute=50, sender_threads=1) as running:
        yield running


@pytest.fixture
def call(practice: PracticeChatwoot) -> Iterator[Caller]:
    caller = Caller(practice)
    yield caller
    caller.close()


@pytest.fixture
def conversation(practice: PracticeChatwoot) -> int:
    return practice.customer_opens("Lena", "lena@customer.example", "Hi", "gold")


class TestHabits:
    def test_a_wrong_token_is_401(self, call: Caller) -> None:
        assert call("GET", "/agents", token="wrong").status_code == 401

    def test_an_unknown_status_or_priority_is_500(self, call: Caller, conversation: int) -> None:
        assert call("POST", f"/conversations/{conversation}/toggle_status", {"status": "closed"}).status_code == 500
        assert call("POST", f"/conversations/{conversation}/toggle_priority", {"priority": "huge"}).status_code == 500

    def test_an_unknown_assignee_unassigns_with_200(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        practice.assign(conversation, 7)

        answer = call("POST", f"/conversations/{conversation}/assignments", {"assignee_id": 99})

        assert (answer.status_code, answer.json()) == (200, None)
        assert practice.world.conversation(conversation).assignee is None

    def test_a_team_beside_an_assignee_is_ignored(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        call("POST", f"/conversations/{conversation}/assignments", {"assignee_id": 7, "team_id": 2})

        assert practice.world.conversation(conversation).team is None

    def test_a_team_drops_an_assignee_who_is_no_member(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        practice.assign(conversation, 8)

        call("POST", f"/conversations/{conversation}/assignments", {"team_id": 2})

        assert practice.world.conversation(conversation).assignee is None

    def test_the_same_team_again_drops_nobody(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        call("POST", f"/conversations/{conversation}/assignments", {"team_id": 2})
        practice.assign(conversation, 8)

        call("POST", f"/conversations/{conversation}/assignments", {"team_id": 2})

        assert practice.world.conversation(conversation).assignee is not None

    def test_a_team_may_pick_one_of_its_own(self, practice: PracticeChatwoot, call: Caller, conversation: int) -> None:
        call("POST", f"/conversations/{conversation}/assignments", {"team_id": 3})

        held = practice.world.conversation(conversation).assignee
        assert held is not None and held.id == 8

    def test_labels_and_custom_attributes_are_replaced(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        for labels, attributes in ((["a", "b"], {"x": 1}), (["c"], {"y": 2})):
            call("POST", f"/conversations/{conversation}/labels", {"labels": labels})
            call("POST", f"/conversations/{conversation}/custom_attributes", {"custom_attributes": attributes})

        held = practice.world.conversation(conversation)
        assert (held.labels, held.custom_attributes) == (["c"], {"y": 2})

    def test_a_status_call_without_a_status_toggles(self, call: Caller, conversation: int) -> None:
        path = f"/conversations/{conversation}/toggle_status"

        said = [call("POST", path, {}).json()["payload"]["current_status"] for _ in range(2)]

        assert said == ["resolved", "open"]

    def test_messages_come_in_pages(self, practice: PracticeChatwoot, call: Caller, conversation: int) -> None:
        for n in range(150):
            practice.customer_writes(conversation, f"{n}")
        ids = [m.id for m in practice.world.conversation(conversation).messages]

        newest = call("GET", f"/conversations/{conversation}/messages").json()["payload"]
        before = call("GET", f"/conversations/{conversation}/messages?before={ids[100]}").json()["payload"]
        after = call("GET", f"/conversations/{conversation}/messages?after={ids[0]}").json()["payload"]

        assert [m["id"] for m in newest] == ids[-20:]
        assert [m["id"] for m in before] == ids[80:100]
        assert [m["id"] for m in after] == ids[1:101]

    def test_a_survey_answer_does_not_show_up_there(
        self, practice: PracticeChatwoot, call: Caller, clock: ManualClock, conversation: int
    ) -> None:
        practice.resolve(conversation, ask=True)
        clock.advance(3600)
        practice.answers_survey(conversation, 4)

        rows = call("GET", "/conversations?status=all&updated_within=60").json()["data"]["payload"]

        assert rows == []
        assert call("GET", "/csat_survey_responses").json()[0]["rating"] == 4

    def test_updated_within_lists_all_changed_since(
        self, practice: PracticeChatwoot, call: Caller, clock: ManualClock, conversation: int
    ) -> None:
        clock.advance(3600)
        late = practice.customer_opens("Ravi", None, "Hello")
        practice.resolve(late)

        rows = call("GET", "/conversations?status=all&updated_within=60").json()["data"]["payload"]

        assert [(row["id"], row["status"]) for row in rows] == [(late, "resolved")]

    def test_too_many_calls_a_minute_are_429_in_plain_text(self, call: Caller, clock: ManualClock) -> None:
        answers = [call("GET", "/agents") for _ in range(51)]
        clock.advance(60)
        later = call("GET", "/agents")

        assert [a.status_code for a in answers] == [200] * 50 + [429]
        assert answers[-1].text == "Retry later\n"
        assert answers[-1].headers["Content-Type"].startswith("text/plain")
        assert "Retry-After" not in answers[-1].headers
        assert later.status_code == 200

    def test_a_500_can_follow_a_stored_message(
        self, practice: PracticeChatwoot, call: Caller, conversation: int
    ) -> None:
        practice.set_faults(Fault("500_after_store"))

        answer = call("POST", f"/conversations/{conversation}/messages", {"content": "x", "private": True})

        assert answer.status_code == 500
        assert practice.world.conversation(conversation).messages[-1].content == "x"
        assert practice.gate.received[-1].fault == "500_after_store"


class TestButtons:
    def test_a_whole_story(self, practice: PracticeChatwoot, call: Caller) -> None:
        opened = call.press("POST", "/conversations", {"name": "Lena", "email": "l@x.example", "text": "Hi"})
        number = opened.json()["id"]
        steps: list[tuple[str, dict[str, Any]]] = [
            ("agent", {"agent": 7, "text": "Hello"}),
            ("note", {"agent": 7, "text": "Hm."}),
            ("assign", {"agent": 7}),
            ("customer", {"text": "Thanks"}),
            ("snooze", {"seconds": 60}),
            ("pending", {}),
            ("reopen", {}),
            ("resolve", {"ask": True}),
            ("answer", {"rating": 5, "feedback": "quick"}),
        ]

        statuses = [call.press("POST", f"/conversations/{number}/{name}", said).status_code for name, said in steps]

        assert (opened.status_code, statuses) == (201, [200] * len(steps))
        assert practice.world.conversation(number).status == "resolved"
        assert practice.world.surveys[0]["rating"] == 5
        assert call.press("GET", "/conversations").json()[0]["id"] == number
        assert len(call.press("GET", f"/conversations/{number}/messages").json()) == 5

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("/conversations/1/customer", {"text": "x"}, 404),
            ("/conversations", {"name": "x"}, 422),
            ("/conversations/312/dance", {}, 404),
            ("/agents/7", {"availability": "asleep"}, 422),
        ],
    )
    def test_nonsense_is_refused(self, call: Caller, conversation: int, path: str, body: Any, status: int) -> None:
        answer = call.press("POST", path, body)

        assert answer.status_code == status
        assert answer.json()["error"]

    def test_faults_are_set_and_cleared(self, call: Caller) -> None:
        call.press("PUT", "/faults", {"answers": [{"kind": "503", "times": None, "retry_after": 7}]})
        broken = call("GET", "/agents")
        call.press("PUT", "/faults", {})

        assert (broken.status_code, broken.headers["Retry-After"]) == (503, "7")
        assert call("GET", "/agents").status_code == 200

    @pytest.mark.parametrize(
        "body", [{"answers": [{"kind": "fire"}]}, {"answers": [{"sort": "500"}]}, {"sending": {"x": 1}}, {"x": 1}]
    )
    def test_unknown_faults_are_refused(self, call: Caller, body: Any) -> None:
        assert call.press("PUT", "/faults", body).status_code == 422

    def test_the_record_can_be_read(self, call: Caller, practice: PracticeChatwoot, conversation: int) -> None:
        call("GET", "/teams")
        assert practice.sender.wait_idle()

        received, sent = call.press("GET", "/received").json(), call.press("GET", "/sent").json()

        assert [(row["method"], row["path"]) for row in received] == [("GET", "/api/v1/accounts/1/teams")]
        assert [row["event"] for row in sent] == ["contact_created", "conversation_created", "message_created"]


class TestProcess:
    def test_it_runs_by_itself_and_ends_when_told(self) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "worker.practice", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = line.split()[3].rstrip(",")

            assert requests.get(f"{url}/api", timeout=5).json()["version"] == "4.15.1"
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=10)
            if process.stdout is not None:
                process.stdout.close()
        assert code == 0
