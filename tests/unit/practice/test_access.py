"""What Chatwoot lets each kind of token do, and what it does with what it gets: the rest of its real habits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from worker.practice.server import TOKEN, PracticeChatwoot
from worker.practice.world import Bot

Call = Callable[..., requests.Response]


@pytest.fixture
def practice() -> Iterator[PracticeChatwoot]:
    with PracticeChatwoot(sender_threads=1) as running:
        yield running


@pytest.fixture
def call(practice: PracticeChatwoot) -> Iterator[Call]:
    session = requests.Session()
    session.trust_env = False

    def call(method: str, path: str, body: Any = None, *, token: str = TOKEN, account: int = 1) -> requests.Response:
        url = f"{practice.url}/api/v1/accounts/{account}{path}"
        return session.request(method, url, json=body, headers={"api_access_token": token}, timeout=5)

    yield call
    session.close()


@pytest.fixture
def conversation(practice: PracticeChatwoot) -> int:
    return practice.customer_opens("Lena", "lena@customer.example", "Hi")


class TestBots:
    ALLOWED = (
        ("GET", "", None),
        ("POST", "/toggle_status", {"status": "open"}),
        ("POST", "/toggle_priority", {"priority": "high"}),
        ("POST", "/custom_attributes", {"custom_attributes": {}}),
        ("POST", "/messages", {"content": "x"}),
        ("POST", "/assignments", {"assignee_id": 7}),
        ("GET", "/labels", None),
        ("POST", "/labels", {"labels": []}),
    )

    @pytest.mark.parametrize(("method", "path", "body"), ALLOWED)
    def test_they_may_do_this(
        self, practice: PracticeChatwoot, call: Call, conversation: int, method: str, path: str, body: Any
    ) -> None:
        answer = call(method, f"/conversations/{conversation}{path}", body, token=practice.token_of(Bot()))

        assert answer.status_code == 200

    @pytest.mark.parametrize("path", ["/agents", "/teams", "/conversations", "/conversations/312/messages"])
    def test_they_may_read_nothing_else(
        self, practice: PracticeChatwoot, call: Call, conversation: int, path: str
    ) -> None:
        answer = call("GET", path, token=practice.token_of(Bot()))

        assert (answer.status_code, answer.json()) == (
            401,
            {"error": "Access to this endpoint is not authorized for bots"},
        )


class TestAgents:
    def test_they_see_only_their_own_inboxes(self, practice: PracticeChatwoot, call: Call, conversation: int) -> None:
        practice.leave_inbox(8)
        member, stranger = practice.token_of(7), practice.token_of(8)

        assert call("GET", f"/conversations/{conversation}", token=member).status_code == 200
        assert call("GET", f"/conversations/{conversation}", token=stranger).status_code == 401
        assert call("GET", "/conversations", token=member).json()["data"]["meta"]["all_count"] == 1
        assert call("GET", "/conversations", token=stranger).json()["data"]["meta"]["all_count"] == 0

    def test_answers_to_surveys_need_an_administrator(self, practice: PracticeChatwoot, call: Call) -> None:
        assert call("GET", "/csat_survey_responses", token=practice.token_of(7)).status_code == 401
        assert call("GET", "/csat_survey_responses").status_code == 200

    def test_their_token_that_opens_a_conversation_assigns_them(
        self, practice: PracticeChatwoot, call: Call, conversation: int
    ) -> None:
        practice.resolve(conversation)

        call("POST", f"/conversations/{conversation}/toggle_status", {"status": "open"}, token=practice.token_of(8))

        held = practice.world.conversation(conversation).assignee
        assert held is not None and held.id == 8

    def test_an_administrators_does_not(self, practice: PracticeChatwoot, call: Call, conversation: int) -> None:
        practice.resolve(conversation)

        call("POST", f"/conversations/{conversation}/toggle_status", {"status": "open"})

        assert practice.world.conversation(conversation).assignee is None

    def test_what_they_write_is_theirs(self, practice: PracticeChatwoot, call: Call, conversation: int) -> None:
        said = call("POST", f"/conversations/{conversation}/messages", {"content": "x"}, token=practice.token_of(8))

        assert said.json()["sender"]["id"] == 8


class TestAccounts:
    def test_another_account_is_401(self, call: Call) -> None:
        assert call("GET", "/agents", account=2).status_code == 401

    def test_an_address_nobody_knows_is_no_json_404(self, call: Call) -> None:
        answer = call("GET", "/nonsense")

        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")

    def test_a_record_nobody_knows_is(self, call: Call) -> None:
        assert call("GET", "/conversations/1").json() == {"error": "Resource could not be found"}


class TestHeader:
    def test_nginx_drops_the_name_with_underscores(self) -> None:
        with PracticeChatwoot(sender_threads=1, underscores_in_headers=False) as practice:
            url = f"{practice.url}/api/v1/accounts/1/agents"

            underscored = requests.get(url, headers={"api_access_token": TOKEN}, timeout=5)
            dashed = requests.get(url, headers={"api-access-token": TOKEN}, timeout=5)

        assert (underscored.status_code, dashed.status_code) == (401, 200)


class TestMessages:
    @pytest.mark.parametrize(
        ("body", "delivered"),
        [
            ({"content": "x"}, True),
            ({"content": "x", "content_attributes": {"hookdesk": "e4"}}, True),
            ({"content": "x", "source_id": "e4"}, False),
            ({"content": "x", "private": True}, False),
        ],
    )
    def test_one_with_a_source_id_is_taken_for_already_sent(
        self, practice: PracticeChatwoot, call: Call, conversation: int, body: Any, delivered: bool
    ) -> None:
        call("POST", f"/conversations/{conversation}/messages", body)

        assert practice.world.conversation(conversation).messages[-1].is_delivered is delivered

    def test_saying_it_twice_writes_it_twice_whatever_the_echo_id(
        self, practice: PracticeChatwoot, call: Call, conversation: int
    ) -> None:
        path, body = f"/conversations/{conversation}/messages", {"content": "x", "echo_id": "1"}

        said = [call("POST", path, body).json()["echo_id"] for _ in range(2)]
        held = call("GET", path).json()["payload"]

        assert said == ["1", "1"]
        assert [(row["content"], "echo_id" in row) for row in held[1:]] == [("x", False), ("x", False)]

    def test_one_that_is_too_long_is_422(self, call: Call, conversation: int) -> None:
        answer = call("POST", f"/conversations/{conversation}/messages", {"content": "x" * 150_001})

        assert (answer.status_code, answer.json()["attributes"]) == (422, ["content"])

    def test_the_first_reply_is_an_epoch_in_the_api_and_a_time_in_webhooks(
        self, practice: PracticeChatwoot, call: Call, conversation: int
    ) -> None:
        before = call("GET", f"/conversations/{conversation}").json()["first_reply_created_at"]
        practice.agent_replies(conversation, 7, "Hello")
        after = call("GET", f"/conversations/{conversation}").json()["first_reply_created_at"]

        assert before == 0
        assert isinstance(after, int) and after > 1_700_000_000
