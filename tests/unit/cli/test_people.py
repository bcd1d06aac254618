"""contacts, organizations, roster and their part of the policy: whom we know on both sides of the desk."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.unit.cli.conftest import FIXTURES, Receive, Run, json_lines
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.store import people

CONTACT = [
    "id", "name", "email", "language", "organization", "tier", "identities", "tickets", "first_seen_at",
    "last_seen_at",
]  # fmt: skip
AGENT = [
    "id", "name", "email", "role", "availability", "away_since", "open_tickets", "capacity", "idle_since", "skills",
    "senior", "teams", "refreshed_at",
]  # fmt: skip
FORM = {"name": "Omar Haddad", "email": "omar@acme.example", "subject": "A demo", "message": "I would like a demo."}


def a_form(**changes: str) -> bytes:
    return json.dumps({**FORM, **changes}).encode()


@pytest.fixture
def config(desk: Desk) -> str:
    path = desk.settings.data_dir / "hookdesk.toml"
    path.write_text(
        '[[organizations]]\nname = "Acme"\ndomains = ["acme.example"]\ntier = "gold"\nvalue = 5\n'
        '[[organizations]]\nname = "Globex"\n'
        '[[agents]]\nagent = 7\nskills = ["refunds"]\nsenior = true\n'
    )
    return str(path)


class TestContacts:
    def test_json_has_exactly_the_promised_names(self, run: Run, receive: Receive) -> None:
        receive(a_form(), source="form")

        [row] = json_lines(run("contacts", "list", "--json"))

        assert list(row) == CONTACT
        assert (row["id"], row["email"], row["tickets"]) == (1, "omar@acme.example", 1)
        assert row["identities"] == ["email:omar@acme.example"]

    def test_the_list_may_be_narrowed(self, run: Run, receive: Receive) -> None:
        receive(a_form(), source="form")
        receive(a_form(name="Ann_100%", email="ann@b.example"), source="form")

        assert "Ann_100%" in run("contacts", "list").stdout
        assert [row["id"] for row in json_lines(run("contacts", "list", "--search", "OMAR", "--json"))] == [1]
        assert [row["id"] for row in json_lines(run("contacts", "list", "--search", "0%", "--json"))] == [2]
        assert json_lines(run("contacts", "list", "--organization", "Acme", "--json")) == []
        assert "Nobody like that." in run("contacts", "list", "--search", "zzz").stdout

    @pytest.mark.parametrize("who", ["c1", "1", "Omar@ACME.example", "email:omar@acme.example"])
    def test_one_is_shown_with_the_history(self, run: Run, receive: Receive, clock: ManualClock, who: str) -> None:
        receive(a_form(), source="form")
        clock.advance(timedelta(days=1))
        receive(a_form(subject="An offer", message="And an offer, please."), source="form")

        [shown] = json_lines(run("contacts", "show", who, "--json"))
        told = run("contacts", "show", who).stdout

        assert [each["id"] for each in shown["history"]] == [2, 1]
        assert "c1 Omar Haddad" in told
        assert "known as email:omar@acme.example" in told
        assert told.index("An offer") < told.index("A demo")

    def test_one_that_is_not_there(self, run: Run, desk: Desk) -> None:
        result = run("contacts", "show", "nobody@x.example")

        assert result.exit_code == 1
        assert "There is no contact nobody@x.example" in result.stderr

    def test_a_ticket_names_the_organisation_and_its_trace_the_history(self, run: Run, receive: Receive) -> None:
        body = json.loads((FIXTURES / "01_conversation_created_webwidget.json").read_text())
        body["meta"]["sender"]["additional_attributes"] = {"company_name": "Initech"}

        receive(json.dumps(body).encode())

        [ticket] = json_lines(run("tickets", "--json"))
        assert ticket["organization"] == "Initech"
        assert "of Initech writes for the first time" in run("trace", "t1").stdout


class TestOrganizations:
    def test_those_who_wrote_and_those_the_policy_names(
        self, run: Run, desk: Desk, receive: Receive, config: str
    ) -> None:
        receive(json.dumps(_conversation("Acme")).encode())
        receive(json.dumps(_conversation("Initech", number=2)).encode())

        rows = json_lines(run("organizations", "--json", HOOKDESK_CONFIG=config))

        assert [(row["name"], row["tier"], row["value"], row["contacts"], row["tickets"]) for row in rows] == [
            ("Acme", "gold", 5, 1, 1),
            ("Globex", None, 0, 0, 0),
            ("Initech", None, 0, 1, 1),
        ]
        assert rows[0]["domains"] == ["acme.example"]
        assert "gold" in run("organizations", HOOKDESK_CONFIG=config).stdout
        assert "[[organizations]]" not in run("organizations").stdout


class TestRoster:
    def test_it_lists_load_capacity_skills_and_availability(
        self, run: Run, desk: Desk, clock: ManualClock, config: str
    ) -> None:
        maya = RosterAgent(
            Person("7", "Maya Ortiz", "maya@desk.example"), availability="online", capacity=3, team_ids=("1", "9"),
            skills=("refunds",), senior=True,
        )  # fmt: skip
        people.replace_roster(desk.db, [maya, RosterAgent(Person("8", "Oleg"))], [Person("1", "support")])

        rows = json_lines(run("roster", "--json"))
        told = run("roster").stdout

        assert [list(row) for row in rows] == [AGENT, AGENT]
        assert (rows[0]["capacity"], rows[0]["skills"], rows[0]["teams"]) == (3, ["refunds"], ["support", "9"])
        assert (rows[1]["capacity"], rows[1]["availability"], rows[1]["senior"]) == (20, "offline", False)
        assert rows[1]["away_since"] == "2026-06-18T09:05:00.000000Z"
        assert "Maya Ortiz (senior)" in told
        assert "offline since 2026-06-18 09:05" in told
        assert "too old, tickets wait in their team's queue" in told

    def test_nobody_yet_says_who_asks(self, run: Run, desk: Desk) -> None:
        assert "hookdesk doctor" in run("roster").stdout


class TestPolicy:
    def test_it_shows_capacity_agents_and_customers(self, run: Run, desk: Desk, config: str) -> None:
        told = run("policy", HOOKDESK_CONFIG=config).stdout

        assert "An agent holds up to 20 tickets; a list of agents older than 3 m is not trusted." in told
        assert "Who has been away for 10 m while a customer waits loses what routing gave them." in told
        assert "refunds" in told
        assert "acme.example" in told
        assert "Customers" not in run("policy").stdout


def _conversation(organization: str, number: int = 1) -> dict[str, object]:
    body: dict[str, object] = json.loads((FIXTURES / "01_conversation_created_webwidget.json").read_text())
    body["id"] = number
    sender = body["meta"]["sender"]  # type: ignore[index]
    sender.update(id=100 + number, email=f"n{number}@x.example")
    sender["additional_attributes"] = {"company_name": organization}
    return body
