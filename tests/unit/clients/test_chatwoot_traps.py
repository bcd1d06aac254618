"""The traps of Chatwoot's API that a client can fall into: what replaces, what toggles, what assigns by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.receiving import WebhookReceiver
from worker.clients.chatwoot import ChatwootClient
from worker.errors import AccessError, PermanentError, TransientError
from worker.practice.faults import Fault
from worker.practice.server import TOKEN, PracticeChatwoot
from worker.practice.world import Bot, Conversation, Team


def held(practice: PracticeChatwoot, conversation: int) -> Conversation:
    return practice.world.conversation(conversation)


def calls(practice: PracticeChatwoot) -> list[tuple[str, Any]]:
    return [(row.method, row.body) for row in practice.gate.received]


@contextmanager
def as_caller(practice: PracticeChatwoot, caller: int | Bot) -> Iterator[ChatwootClient]:
    made = ChatwootClient(practice.url, 1, practice.token_of(caller), total_seconds=1.5)
    yield made
    made.close()


class TestSurroundings:
    def test_the_token_goes_to_no_proxy_of_the_environment(
        self, practice: PracticeChatwoot, client: ChatwootClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with WebhookReceiver() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.delenv("no_proxy", raising=False)

            client.ping()

        assert practice.gate.received != []
        assert proxy.got == []


class TestLabels:
    def test_they_are_added_to_what_is_there(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.chat.set_labels(conversation, ["billing"])

        client.add_labels(conversation, ["refund", "vip", "refund"])

        assert held(practice, conversation).labels == ["billing", "refund", "vip"]
        assert client.labels(conversation) == ("billing", "refund", "vip")
        assert held(practice, conversation - 1).labels == []

    def test_nothing_is_written_when_all_are_there(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.chat.set_labels(conversation, ["billing", "refund"])

        client.add_labels(conversation, ["Refund"])

        assert calls(practice) == [("GET", None)]

    def test_a_lost_answer_is_repeated_safely(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.set_faults(Fault("500_after_store", method="POST"))
        with pytest.raises(TransientError):
            client.add_labels(conversation, ["refund"])
        practice.chat.set_labels(conversation, ["refund", "by hand"])

        client.add_labels(conversation, ["refund"])

        assert held(practice, conversation).labels == ["refund", "by hand"]

    def test_one_that_was_not_taken_is_an_error(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(practice.chat, "set_labels", lambda *_: None)

        with pytest.raises(PermanentError) as caught:
            client.add_labels(conversation, ["refund"])

        assert caught.value.cause == "label_refused"


class TestAttributes:
    def test_they_are_merged_with_what_is_there(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.chat.set_custom_attributes(conversation, {"order": "77120", "vendor": "old"})

        client.set_attributes(conversation, {"vendor": "new", "plan": "gold"})

        assert held(practice, conversation).custom_attributes == {"order": "77120", "vendor": "new", "plan": "gold"}

    def test_nothing_is_written_when_all_are_as_wanted(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.chat.set_custom_attributes(conversation, {"order": "77120", "vendor": "old"})

        client.set_attributes(conversation, {"vendor": "old"})

        assert calls(practice) == [("GET", None)]

    def test_one_that_was_not_taken_is_an_error(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(practice.chat, "set_custom_attributes", lambda *_: None)

        with pytest.raises(PermanentError) as caught:
            client.set_attributes(conversation, {"plan": "gold"})

        assert caught.value.cause == "attribute_refused"


class TestStatus:
    @pytest.mark.parametrize("status", ["open", "resolved", "pending", "snoozed"])
    def test_saying_it_twice_is_saying_it_once(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int, status: str
    ) -> None:
        client.set_status(conversation, status)
        client.set_status(conversation, status)

        assert held(practice, conversation).status == status
        assert all(body["status"] == status for method, body in calls(practice) if method == "POST")

    def test_an_agents_token_that_opens_it_leaves_it_to_who_had_it(
        self, practice: PracticeChatwoot, conversation: int
    ) -> None:
        practice.assign(conversation, 7)
        practice.resolve(conversation)

        with as_caller(practice, 8) as agent:
            agent.set_status(conversation, "open")

        assignee = held(practice, conversation).assignee
        assert (held(practice, conversation).status, assignee and assignee.id) == ("open", 7)

    def test_or_to_nobody(self, practice: PracticeChatwoot, conversation: int) -> None:
        practice.resolve(conversation)

        with as_caller(practice, 8) as agent:
            agent.set_status(conversation, "open")

        assert held(practice, conversation).assignee is None

    def test_a_status_that_did_not_come_about_is_a_bad_answer(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(practice.chat, "set_status", lambda *_, **__: None)

        with pytest.raises(TransientError) as caught:
            client.set_status(conversation, "resolved")

        assert caught.value.cause == "bad_answer"


class TestPriority:
    def test_a_login_page_is_not_the_empty_answer(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.set_faults(Fault("html"))

        with pytest.raises(TransientError) as caught:
            client.set_priority(conversation, "high")

        assert caught.value.cause == "bad_answer"

    def test_none_clears_it(self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int) -> None:
        client.set_priority(conversation, "high")
        before = held(practice, conversation).priority

        client.set_priority(conversation, None)

        assert (before, held(practice, conversation).priority) == ("high", None)


class TestTeams:
    def test_a_team_may_drop_the_agent_so_the_team_comes_first(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.assign(conversation, 8)

        client.assign_team(conversation, 2)
        dropped = held(practice, conversation).assignee
        client.assign_agent(conversation, 8)

        assert dropped is None
        assignee, team = held(practice, conversation).assignee, held(practice, conversation).team
        assert (assignee and assignee.id, team and team.id) == (8, 2)

    def test_a_team_may_pick_an_agent_and_ours_is_the_last_word(self) -> None:
        teams = (Team(2, "billing", (7, 9), allow_auto_assign=True),)
        with PracticeChatwoot(teams=teams, sender_threads=1) as practice:
            conversation = practice.customer_opens("Lena", None, "Hi")
            client = ChatwootClient(practice.url, 1, TOKEN)

            client.assign_team(conversation, 2)
            picked = held(practice, conversation).assignee
            client.assign_agent(conversation, 9)
            client.close()

            assert picked is not None and picked.id == 7
            assignee = held(practice, conversation).assignee
            assert assignee is not None and assignee.id == 9


class TestTokens:
    def test_a_bots_token_cannot_do_our_work(self, practice: PracticeChatwoot, conversation: int) -> None:
        with as_caller(practice, Bot()) as bot, pytest.raises(AccessError) as caught:
            bot.ping()

        assert (caught.value.cause, caught.value.status, caught.value.ours) == ("unauthorized", 401, False)

    def test_an_agents_cannot_reach_every_inbox(self, practice: PracticeChatwoot, conversation: int) -> None:
        practice.leave_inbox(8)

        with as_caller(practice, 8) as agent, pytest.raises(AccessError) as caught:
            agent.create_message(conversation, "x", private=True, marker="e1")

        assert caught.value.status == 401

    def test_another_account_is_not_ours(self, practice: PracticeChatwoot) -> None:
        client = ChatwootClient(practice.url, 2, TOKEN)

        with pytest.raises(AccessError):
            client.ping()
        client.close()

    def test_an_nginx_that_drops_the_header_looks_like_a_bad_token(self) -> None:
        with PracticeChatwoot(sender_threads=1, underscores_in_headers=False) as practice:
            client = ChatwootClient(practice.url, 1, TOKEN)

            with pytest.raises(AccessError) as caught:
                client.ping()
            client.close()

        assert caught.value.cause == "unauthorized"


class TestLongMessages:
    def test_one_that_is_too_long_is_refused_for_good(self, client: ChatwootClient, conversation: int) -> None:
        with pytest.raises(PermanentError) as caught:
            client.create_message(conversation, "x" * 150_001, private=False, marker="e1")

        assert (caught.value.cause, caught.value.status) == ("refused", 422)

    def test_what_we_write_is_delivered(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.create_message(conversation, "How did we do?", private=False, marker="e4")

        assert held(practice, conversation).messages[-1].is_delivered
