"""`hookdesk ticket`: the verbs from the command line, with the rules and the words of the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Receive, Run, json_lines
from worker.cli.practice_events import practice_file
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.store import effects, people, tickets

LENA = ("--name", "Lena", "--email", "lena@customer.example")


@pytest.fixture(autouse=True)
def manned(desk: Desk) -> None:
    agent: dict[str, Any] = {"role": "agent", "availability": "offline", "team_ids": ("10",)}
    people.replace_roster(
        desk.db, [RosterAgent(Person("1", "Ada", "ada@desk.example"), **agent)], [Person("10", "billing")]
    )


@pytest.fixture
def ticket(run: Run) -> str:
    """A ticket that was created from the command line."""
    result = run("ticket", "create", "--description", "Where is my parcel?", *LENA, "--as", "mo", "--json")
    assert result.exit_code == 0, result.stderr
    return f"t{json_lines(result)[0]['id']}"


def reasons(desk: Desk, verb: str) -> list[str]:
    return [event.reason for event in tickets.events_of(desk.db, 1) if event.data.get("verb") == verb]


class TestVerbs:
    def test_a_ticket_goes_all_the_way(self, run: Run, ticket: str) -> None:
        said = [
            run("ticket", "triage", ticket, "--priority", "Urgent", "--tag", "vip", "--tag", "late"),
            run("ticket", "assign", ticket, "--agent", "ada", "--team", "billing"),
            run("ticket", "reply", ticket, "--text", "Which parcel?"),
            run("ticket", "escalate", ticket, "--reason", "a lawyer writes"),
            run("ticket", "resolve", ticket, "--resolution", "Sent again."),
            run("ticket", "reopen", ticket),
            run("ticket", "resolve", ticket, "--resolution", "Sent by courier."),
            run("ticket", "close", ticket),
        ]

        assert [result.exit_code for result in said] == [0] * 8
        assert said[0].stdout.startswith("t1 is triaged, priority urgent, with ")
        assert said[1].stdout == "t1 is in_progress, priority urgent, with Ada, billing.\n"
        assert said[2].stdout.startswith("t1 is pending_customer, ")
        assert said[7].stdout.startswith("t1 is closed, ")

    def test_beside_a_practice_chatwoot_it_asks_that_one(self, run: Run, receive: Receive, desk: Desk) -> None:
        receive("01_conversation_created_webwidget")
        run("ticket", "triage", "t1", "--tag", "nowhere")
        practice_file(desk.settings.data_dir).write_text("http://127.0.0.1:9\n")

        run("ticket", "triage", "t1", "--tag", "there")

        state = {one.payload["labels"][0]: one.state for one in effects.list_effects(desk.db, kind="add_labels")}
        assert (state["nowhere"], state["there"]) == ("no_target", "pending")

    def test_what_it_prints_as_json_is_the_ticket(self, run: Run, ticket: str) -> None:
        (shown,) = json_lines(run("ticket", "assign", ticket, "--agent", "1", "--json"))

        assert (shown["id"], shown["status"], shown["assignee"]) == (1, "in_progress", {"id": "1", "name": "Ada"})
        assert shown["requester"] == {"name": "Lena", "email": "lena@customer.example"}

    def test_a_text_may_come_from_the_input(self, run: Run, ticket: str, desk: Desk) -> None:
        assert run("ticket", "reply", ticket, "--text", "-", input="Hello\nthere\n").exit_code == 0

        (reply,) = [one.fact for one in tickets.facts_of(desk.db, 1) if getattr(one.fact, "verb", "") == "reply"]
        assert getattr(reply, "text", "") == "Hello\nthere"

    def test_a_template_is_filled_in(self, run: Run, ticket: str, desk: Desk) -> None:
        result = run("ticket", "reply", ticket, "--template", "received")

        (reply,) = [one.fact for one in tickets.facts_of(desk.db, 1) if getattr(one.fact, "verb", "") == "reply"]
        assert result.exit_code == 0
        assert reply.text == "Hello Lena, we have your request t1 and will come back to you."  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("said", "code", "why"),
        [
            (("t1", "--template", "eta"), 1, "There is no template 'eta'. Known: received, waiting."),
            (("t9", "--template", "received"), 1, "There is no ticket t9."),
            (("t1", "--template", "received", "--text", "x"), 2, "Give --text or --template, not both."),
        ],
    )
    def test_a_template_that_cannot_be_used(
        self, run: Run, ticket: str, said: tuple[str, ...], code: int, why: str
    ) -> None:
        result = run("ticket", "reply", *said)

        assert (result.exit_code, why in result.stderr) == (code, True)

    def test_who_acts_is_kept(self, run: Run, ticket: str, desk: Desk) -> None:
        run("ticket", "assign", ticket, "--agent", "ada", "--as", "mo", "--reason", "she knows it")
        run("ticket", "triage", ticket, "--priority", "low", LOGNAME="olga")

        assert reasons(desk, "create") == ["create by mo"]
        assert reasons(desk, "assign") == ["assign by mo: to Ada; she knows it"]
        assert reasons(desk, "triage") == ["triage by olga: priority low"]

    def test_the_same_key_again_does_nothing(self, run: Run, ticket: str, desk: Desk) -> None:
        run("ticket", "assign", ticket, "--agent", "ada", "--key", "k", "--as", "mo")

        again = run("ticket", "assign", ticket, "--agent", "ada", "--key", "k", "--as", "mo")

        assert (again.exit_code, len(reasons(desk, "assign"))) == (0, 1)
        assert "Nothing was changed" in again.stdout

    def test_a_proposal_to_close_leaves_it_to_a_person(self, run: Run, ticket: str) -> None:
        run("ticket", "assign", ticket, "--agent", "ada")
        run("ticket", "resolve", ticket, "--resolution", "Sent.")

        result = run("ticket", "close", ticket, "--automatic", "--reason", "quiet")

        assert result.stdout == "t1 stays resolved: the proposal to close it is noted, and a person decides.\n"

    def test_a_ticket_of_chatwoot_is_acted_on_too(self, run: Run, receive: Receive, clock: ManualClock) -> None:
        receive("01_conversation_created_webwidget")
        clock.advance(60)

        (shown,) = json_lines(run("ticket", "assign", "t1", "--agent", "ada", "--json"))

        assert (shown["source"], shown["assignee"]["name"]) == ("chatwoot", "Ada")


class TestRefusals:
    def test_what_its_status_does_not_allow_has_exit_code_4_and_the_edges(self, run: Run, ticket: str) -> None:
        result = run("ticket", "close", ticket)

        assert result.exit_code == 4
        assert result.stderr == (
            "Error: invalid_transition: close is not possible while the ticket is triaged; "
            "legal from here: in_progress\n"
        )

    def test_a_close_that_is_not_done_says_what_is_missing(self, run: Run, ticket: str) -> None:
        run("ticket", "assign", ticket, "--agent", "ada")
        run("ticket", "resolve", ticket)

        result = run("ticket", "close", ticket)

        assert result.exit_code == 4
        assert "no resolution text" in result.stderr

    def test_an_unknown_ticket_has_exit_code_1(self, run: Run, ticket: str) -> None:
        assert run("ticket", "reopen", "t99").exit_code == 1
        assert run("ticket", "show", "t99").exit_code == 1

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("assign", "t1", "--agent", "adda"), "--agent: there is no agent 'adda'; did you mean Ada?"),
            (("assign", "t1"), "--agent or --team: say to whom"),
            (("escalate", "t1"), "--reason: say why it is escalated"),
            (("reply", "t1"), "--text: write the reply"),
            (("triage", "t1", "--field", "order"), "'order' is not NAME=VALUE"),
            (("triage", "t1", "--field", "order=7"), "--field: there is no field 'order'"),
            (("triage", "t1", "--priority", "hgh"), "--priority: 'hgh' is not a priority; did you mean high?"),
            (("create", "--subject", "x"), "--name or --email: say who asks"),
            (("create", "--name", "x"), "--subject or --description: say what it is about"),
            (("create", "--subject", "x", "--name", "x" * 201), "Error: --name: at most 200 characters"),
            (("create", "--subject", "x", "--email", "lena"), "Error: --email: an address like lena@customer.example"),
            (("triage", "t1", "--tag", "x", "--as", "x" * 121), "Error: --as: at most 120 characters"),
            (("assign", "t1", "--agent", "ada", "--key", "a b"), "--key: at most 150 visible ASCII characters"),
            (("triage", "t1", "--subject", "x" * 501), "--subject: at most 500 characters"),
            (("reopen", "d1"), "d1 is a delivery"),
            (("asign", "t1"), "Did you mean `hookdesk ticket assign`?"),
        ],
    )
    def test_what_is_not_well_said_has_exit_code_2(
        self, run: Run, ticket: str, words: tuple[str, ...], said: str
    ) -> None:
        result = run("ticket", *words)

        assert result.exit_code == 2
        assert said in result.stderr

    def test_a_store_that_is_away_has_exit_code_3(self, run: Run) -> None:
        result = run("ticket", "reopen", "t1", HOOKDESK_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

        assert result.exit_code == 3


class TestShow:
    def test_it_is_the_record_and_its_history(self, run: Run, ticket: str) -> None:
        run("ticket", "assign", ticket, "--agent", "ada", "--as", "mo")

        text = run("ticket", "show", ticket, COLUMNS="200").stdout

        assert "t1 Where is my parcel?" in text
        assert "requester    Lena lena@customer.example" in text
        assert "next         triage, assign, escalate, reply, resolve" in text
        assert "assign by mo: to Ada" in text
        assert "act:" not in text

    def test_programs_get_it_whole(self, run: Run, ticket: str) -> None:
        (shown,) = json_lines(run("ticket", "show", "1", "--json"))

        assert (shown["id"], shown["description"]) == (1, "Where is my parcel?")
        assert shown["history"][0]["name"] == "ticket.created"
        assert all(event["reason"] for event in shown["history"])


class TestList:
    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (("--status", "open"), [1]),
            (("--status", "In-Progress"), [1]),
            (("--status", "waiting,done"), []),
            (("--priority", "MEDIUM"), []),
            (("--priority", "critical", "--status", "OPEN"), [1]),
        ],
    )
    def test_groups_and_aliases_are_taken_in_any_case(
        self, run: Run, ticket: str, words: tuple[str, ...], found: list[int]
    ) -> None:
        run("ticket", "assign", ticket, "--agent", "ada")
        run("ticket", "triage", ticket, "--priority", "urgent")

        assert [row["id"] for row in json_lines(run("tickets", *words, "--json"))] == found

    def test_an_unknown_word_gets_a_suggestion(self, run: Run, ticket: str) -> None:
        result = run("tickets", "--status", "opn")

        assert result.exit_code == 2
        assert "did you mean open?" in result.stderr
