"""The client against the practice Chatwoot: what it sends, and what it makes of every wrong answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.clients.chatwoot import ChatwootClient
from worker.errors import AccessError, PermanentError, TransientError
from worker.practice.faults import Fault
from worker.practice.server import PracticeChatwoot


class TestAssign:
    def test_it_assigns_a_team_and_an_agent_in_two_calls(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.assign_team(conversation, "2")
        client.assign_agent(conversation, "7")

        held = practice.world.conversation(conversation)
        assert held.team is not None and held.team.name == "billing"
        assert held.assignee is not None and held.assignee.name == "Maya Ortiz"
        assert [row.body for row in practice.gate.received] == [{"team_id": 2}, {"assignee_id": 7}]

    def test_it_touches_no_other_conversation(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.assign_agent(conversation, "7")

        assert practice.world.conversation(conversation - 1).assignee is None

    def test_nobody_is_assigned_by_saying_null(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.assign_agent(conversation, "7")

        assert client.assign_agent(conversation, None) == {}

        assert practice.world.conversation(conversation).assignee is None
        assert practice.gate.received[-1].body == {"assignee_id": None}

    def test_an_agent_nobody_knows_is_an_error_though_chatwoot_says_200(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        with pytest.raises(PermanentError) as caught:
            client.assign_agent(conversation, "99")

        assert caught.value.cause == "unknown_agent"
        assert practice.gate.received[-1].status == 200

    def test_so_is_a_team_nobody_knows(self, client: ChatwootClient, conversation: int) -> None:
        with pytest.raises(PermanentError) as caught:
            client.assign_team(conversation, "99")

        assert caught.value.cause == "unknown_team"

    def test_an_id_that_is_no_number_never_gets_into_a_path(
        self, practice: PracticeChatwoot, client: ChatwootClient
    ) -> None:
        with pytest.raises(PermanentError) as caught:
            client.assign_agent("1/../../2", "7")

        assert caught.value.cause == "bad_id"
        assert not practice.gate.received


class TestMessages:
    def test_a_message_carries_the_marker_and_never_a_source_id(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.create_message(conversation, "How did we do?", private=False, marker="e4")

        assert practice.gate.received[-1].body == {
            "content": "How did we do?",
            "message_type": "outgoing",
            "private": False,
            "content_attributes": {"hookdesk": "e4"},
        }

    def test_it_finds_its_own_marker(self, client: ChatwootClient, conversation: int) -> None:
        client.create_message(conversation, "a note", private=True, marker="e4")

        assert client.find_marker(conversation, "e4")
        assert not client.find_marker(conversation, "e40")
        assert not client.find_marker(conversation - 1, "e4")

    def test_it_finds_it_many_pages_back(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        client.create_message(conversation, "a note", private=True, marker="e4")
        for n in range(65):
            practice.customer_writes(conversation, f"and {n}")

        assert client.find_marker(conversation, "e4")
        assert not client.find_marker(conversation, "e5")

    def test_it_looks_back_only_as_far_as_it_may_be(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        for n in range(65):
            practice.customer_writes(conversation, f"and {n}")

        client.find_marker(conversation, "e5", since=datetime.now(UTC) + timedelta(hours=1))

        assert len(practice.gate.received) == 1

    def test_the_message_limit_counts_as_crowding(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        for n in range(200):
            practice.customer_writes(conversation, f"and {n}")

        with pytest.raises(TransientError) as caught:
            client.create_message(conversation, "one more", private=True, marker="e4")

        assert (caught.value.cause, caught.value.status) == ("message_limit", 422)


class TestStatusAndPriority:
    def test_they_are_set(self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int) -> None:
        client.set_status(conversation, "snoozed", snoozed_until=datetime(2030, 1, 1, tzinfo=UTC))
        client.set_priority(conversation, "urgent")

        held = practice.world.conversation(conversation)
        assert (held.status, held.priority) == ("snoozed", "urgent")
        assert held.snoozed_until == 1_893_456_000_000_000

    def test_a_word_chatwoot_does_not_know_is_not_sent(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        with pytest.raises(PermanentError):
            client.set_status(conversation, "closed")
        with pytest.raises(PermanentError):
            client.set_priority(conversation, "huge")

        assert not practice.gate.received


class TestReading:
    def test_the_roster(self, client: ChatwootClient) -> None:
        availability = {agent["name"]: agent["availability_status"] for agent in client.agents()}

        assert availability["Maya Ortiz"] == "online"
        assert availability["Tom Baker"] == "offline"
        assert [team["name"] for team in client.teams()] == ["support", "billing", "technical"]
        assert [agent["id"] for agent in client.team_members(2)] == [7, 9]

    def test_conversations_changed_lately(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.resolve(conversation)

        rows = client.updated_within(60)

        assert {row["id"]: row["status"] for row in rows} == {conversation: "resolved", conversation - 1: "open"}

    def test_answers_to_chatwoots_own_survey(
        self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int
    ) -> None:
        practice.resolve(conversation, ask=True)
        practice.answers_survey(conversation, 4, "quick")

        rows = client.survey_responses(since=datetime(2020, 1, 1, tzinfo=UTC))

        assert [(row["conversation_id"], row["rating"]) for row in rows] == [(conversation, 4)]

    def test_the_version_needs_no_token(self, practice: PracticeChatwoot) -> None:
        stranger = ChatwootClient(practice.url, 1, "wrong")

        assert stranger.version() == "4.15.1"
        with pytest.raises(AccessError):
            stranger.ping()
        stranger.close()


ANSWERS = [
    ("400", PermanentError, "refused", 400),
    ("401", AccessError, "unauthorized", 401),
    ("402", PermanentError, "refused", 402),
    ("403", AccessError, "forbidden", 403),
    ("404", AccessError, "not_found", 404),
    ("410", PermanentError, "refused", 410),
    ("422", PermanentError, "refused", 422),
    ("429", TransientError, "rate_limited", 429),
    ("500", TransientError, "server_error", 500),
    ("503", TransientError, "unavailable", 503),
    ("html", TransientError, "bad_answer", 200),
    ("redirect", AccessError, "redirected", 302),
    ("message_limit", TransientError, "message_limit", 422),
    ("timeout", TransientError, "timeout", None),
    ("drip", TransientError, "timeout", None),
    ("cut", TransientError, "cut", None),
    ("500_after_store", TransientError, "server_error", 500),
    ("cut_after_store", TransientError, "cut", None),
]


class TestWrongAnswers:
    @pytest.mark.parametrize(("kind", "error", "cause", "status"), ANSWERS, ids=[row[0] for row in ANSWERS])
    def test_each_is_one_of_our_errors(
        self,
        practice: PracticeChatwoot,
        client: ChatwootClient,
        conversation: int,
        kind: str,
        error: type[TransientError],
        cause: str,
        status: int | None,
    ) -> None:
        practice.set_faults(Fault(kind))

        with pytest.raises(error) as caught:
            client.create_message(conversation, "x", private=True, marker="e1")

        assert type(caught.value) is error
        assert (caught.value.cause, caught.value.status) == (cause, status)

    def test_only_chatwoots_own_404_is_ours(self, practice: PracticeChatwoot, client: ChatwootClient) -> None:
        with pytest.raises(AccessError) as own:
            client.conversation(404_404)
        with pytest.raises(AccessError) as proxy:
            ChatwootClient(f"{practice.url}/elsewhere", 1, "x").ping()

        assert own.value.ours
        assert not proxy.value.ours

    def test_nobody_there(self) -> None:
        with pytest.raises(TransientError) as caught:
            ChatwootClient("http://127.0.0.1:9", 1, "x").ping()

        assert caught.value.cause == "unreachable"

    def test_a_hint_is_kept(self, practice: PracticeChatwoot, client: ChatwootClient) -> None:
        practice.set_faults(Fault("503", retry_after=90))

        with pytest.raises(TransientError) as caught:
            client.ping()

        assert caught.value.retry_after == 90


class TestOnce:
    def test_a_get_that_was_cut_off_is_repeated_once(self, practice: PracticeChatwoot, client: ChatwootClient) -> None:
        practice.set_faults(Fault("cut", times=1))

        assert client.agents()

        assert [row.fault for row in practice.gate.received] == ["cut", None]

    def test_but_not_twice(self, practice: PracticeChatwoot, client: ChatwootClient) -> None:
        practice.set_faults(Fault("cut", times=None))

        with pytest.raises(TransientError):
            client.agents()

        assert len(practice.gate.received) == 2

    def test_a_get_answered_with_500_is_not(self, practice: PracticeChatwoot, client: ChatwootClient) -> None:
        practice.set_faults(Fault("500", times=1))

        with pytest.raises(TransientError):
            client.agents()

        assert len(practice.gate.received) == 1

    def test_a_post_never_is(self, practice: PracticeChatwoot, client: ChatwootClient, conversation: int) -> None:
        practice.set_faults(Fault("cut", times=1))

        with pytest.raises(TransientError):
            client.create_message(conversation, "x", private=True, marker="e1")

        assert len(practice.gate.received) == 1
