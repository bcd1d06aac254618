"""`hookdesk trace`: a ticket's whole story, readable by somebody who has never seen the code."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from tests.unit.cli.conftest import FIXTURES, NOW, Receive, Run, json_lines
from worker import acting
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Person, Verb
from worker.domain.routing import RosterAgent
from worker.domain.ticket import Timer
from worker.firing import fire_due
from worker.instruction import Instruction
from worker.policy_file import load_policy
from worker.store import activities, people, timers
from worker.store.schema import ticket_aliases

MAYA, OLEG, ANN = Person("7", "Maya Ortiz"), Person("8", "Oleg Brandt"), Person("9", "Ann Lee")
Told = Callable[[], str]


def a_chat(text: str) -> bytes:
    """A conversation that begins with these words."""
    body = json.loads((FIXTURES / "02_message_created_incoming_webwidget.json").read_text())
    return json.dumps({**body, "content": text}).encode()


@pytest.fixture
def told(run: Run) -> Told:
    """The screen, its lines not broken."""
    return lambda: run("trace", "t1", COLUMNS="400").stdout


@pytest.fixture
def roster(desk: Desk) -> None:
    there = ((MAYA, "online"), (OLEG, "online"), (ANN, "offline"))
    agents = [RosterAgent(who, availability=how, team_ids=("2",)) for who, how in there]
    people.replace_roster(desk.db, agents, [Person("2", "billing")])


class TestTelling:
    def test_a_delivery_is_followed_to_its_ticket(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        whats = [row.get("what") for row in json_lines(run("trace", "d1", "--json"))]

        assert whats[1] == "d1 received"
        assert {"ticket.created", "ticket.categorised", "ticket.prioritised", "d1 processed"} <= set(whats)

    def test_a_ticket_is_told_in_order_with_reasons(self, run: Run, receive: Receive, clock: ManualClock) -> None:
        receive("01_conversation_created_webwidget")
        clock.advance(60)
        receive("03_message_created_outgoing_agent")

        rows = json_lines(run("trace", "t1", "--json"))

        head, lines = rows[0], [row for row in rows if row["kind"] == "line"]
        assert head["external_id"] == "1/312"
        assert [row["at"] for row in lines] == sorted(row["at"] for row in lines)
        assert all(row["reason"] for row in lines)
        assert {"d1 received", "d2 received", "ticket.routed", "sla.met"} <= {row["what"] for row in lines}
        assert {row["metric"] for row in rows if row["kind"] == "clock"} >= {"first_response", "resolution"}

    def test_effects_are_part_of_it(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        text = run("trace", "t1").stdout

        assert "write a private note  about the routing" in text
        assert "hookdesk sla explain t1" in text

    def test_a_person_reads_words_and_no_stored_keys(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")
        receive("03_message_created_outgoing_agent")

        text = run("trace", "t1", COLUMNS="240").stdout

        assert "new → triaged: the conversation is open in Chatwoot (d1)" in text
        assert "replied (message" in text
        assert "snapshot:" not in text and "message:" not in text and "routed:" not in text

    def test_no_reason_is_told_twice(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        assert run("trace", "t1", COLUMNS="240").stdout.count("'money to billing'") == 1

    def test_what_followed_is_not_put_down_to_a_duplicate(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget", process=False)
        receive("01_conversation_created_webwidget")

        rows = json_lines(run("trace", "t1", "--json"))

        assert {row["cause"] for row in rows if row.get("what", "").startswith(("ticket.", "sla."))} == {"d1"}
        assert "d2 duplicate" in {row.get("what") for row in rows}

    def test_what_is_still_to_come_stands_apart(self, run: Run, receive: Receive, desk: Desk) -> None:
        receive("01_conversation_created_webwidget")
        with desk.db.write() as conn:
            timers.sync(conn, [(1, (Timer("sla", "next_response:2", datetime(2999, 1, 1, tzinfo=UTC)),))], now=NOW)

        past, _, ahead = run("trace", "t1", COLUMNS="240").stdout.partition("Still to come")

        assert "to look whether next response 2 was in time" in ahead
        assert "next response 2" not in past

    def test_it_fits_the_columns_it_is_given(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        lines = run("trace", "t1", COLUMNS="100").stdout.splitlines()

        assert max(len(line) for line in lines) <= 100

    def test_an_unknown_one_is_not_found(self, run: Run, receive: Receive) -> None:
        result = run("trace", "t99")

        assert result.exit_code == 1
        assert "There is no ticket t99" in result.stderr

    def test_a_number_alone_could_be_either(self, run: Run, receive: Receive) -> None:
        assert run("trace", "1").exit_code == 2


@pytest.mark.usefixtures("roster")
class TestAStory:
    """What a support lead wants to know, answered by the screen alone."""

    def test_who_asks_and_how_the_ticket_stands(self, told: Told, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        opening = told().partition("time ")[0]

        assert "t1 Hi, I was charged twice for invoice INV-20481. Can you check & fix it?" in opening
        assert "from Lena Fischer <lena.fischer@customer.example> (gold) · speaks de" in opening
        assert "assigned to Maya Ortiz (by our routing) · team billing" in opening
        assert "category billing" in opening and "channel web widget" in opening

    def test_what_the_customer_wrote_is_quoted(self, told: Told, receive: Receive) -> None:
        receive("02_message_created_incoming_webwidget")

        assert "the customer wrote: “Hi, I was charged twice" in told()

    def test_why_this_agent_with_everybodys_numbers(self, told: Told, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        text = told()

        assert "Maya Ortiz: 0 of 20 tickets open; taken" in text
        assert "Oleg Brandt: 0 of 20 tickets open; free, but not first" in text
        assert "Ann Lee: 0 of 20 tickets open; not taken: offline" in text

    def test_which_time_of_a_clock_counted_and_which_did_not(self, told: Told, receive: Receive) -> None:
        for name in ("01_conversation_created_webwidget", "03_message_created_outgoing_agent",
                     "09_conversation_status_changed_resolved"):  # fmt: skip
            receive(name)

        clocks = told().partition("SLA clocks")[2]

        assert "promised" in clocks and "not counted" in clocks
        assert "14 m 11 s waiting for the customer" in clocks
        assert "met 2026-06-18 09:06:20" in clocks

    def test_what_runs_has_counted_up_to_now_and_not_to_the_last_decision(self, told: Told, receive: Receive) -> None:
        receive(a_chat("Our site is down, nothing works, urgent"))  # promised round the clock

        clocks = told().partition("SLA clocks")[2]
        [row] = [line for line in clocks.splitlines() if line.startswith("resolution")]

        assert "outside business hours" not in row
        counted = row.partition(" 8 h ")[2].split()
        assert (int(counted[0]) > 1000, counted[1]) == (True, "h")  # the fixture's day is long gone

    def test_without_the_policy_nothing_is_said_of_hours_that_it_alone_knows(
        self, told: Told, receive: Receive, tmp_path: Path
    ) -> None:
        receive(a_chat("Our site is down, nothing works, urgent"))
        (tmp_path / "hookdesk.toml").write_text("nonsense = 1")

        assert "outside business hours" not in told().partition("SLA clocks")[2]

    def test_a_survey_waits_for_the_customer(self, told: Told, receive: Receive) -> None:
        for name in ("01_conversation_created_webwidget", "03_message_created_outgoing_agent",
                     "09_conversation_status_changed_resolved"):  # fmt: skip
            receive(name)

        assert "how was resolution 1?; the customer's to answer" in told()

    def test_the_survey_the_bad_answer_and_what_came_of_it(
        self, told: Told, receive: Receive, desk: Desk, clock: ManualClock
    ) -> None:
        for name in ("01_conversation_created_webwidget", "03_message_created_outgoing_agent",
                     "09_conversation_status_changed_resolved"):  # fmt: skip
            receive(name)
        clock.advance(timedelta(minutes=30))
        fire_due(desk, seconds=5)
        said = {"ticket_id": 1, "resolution": 1, "rating": 2, "feedback": "Three mails!", "at": clock.now().isoformat()}
        receive(json.dumps(said).encode(), source="survey")

        text = told()

        assert "survey planned" in text
        assert "resolution 1 has stood for 10 m; nothing speaks against asking (when its timer fired)" in text
        assert "send the survey" in text and "in de; waits for `hookdesk effects approve" in text
        assert "the customer gave 2 of 5: “Three mails!”" in text
        assert "Maya Ortiz should ask what went wrong by" in text
        assert "low score due" in text and "ask what went wrong; for Maya Ortiz" in text

    def test_what_a_person_did_and_said(self, told: Told, receive: Receive, desk: Desk) -> None:
        receive("01_conversation_created_webwidget")
        acting.act(desk, 1, Instruction(verb=Verb.REPLY, actor="lena", text="We are on it."))

        text = told()

        assert "reply by lena; “We are on it.”" in text
        assert "reply to the customer" in text and "lena: 'We are on it.'" in text
        assert "(by lena)" not in text.partition("reply by lena")[2].partition("\n")[0]

    def test_where_the_rules_changed_under_it(self, told: Told, receive: Receive, desk: Desk) -> None:
        receive("01_conversation_created_webwidget")
        before = load_policy(None).version
        object.__setattr__(desk.policy, "version", "abcdefabcdef")  # a policy file was changed meanwhile
        receive("03_message_created_outgoing_agent")

        assert f"from here on abcdefabcdef decides, {before} before" in told()

    def test_a_follow_up_that_a_person_ended(self, told: Told, receive: Receive, desk: Desk) -> None:
        for name in ("01_conversation_created_webwidget", "03_message_created_outgoing_agent",
                     "09_conversation_status_changed_resolved"):  # fmt: skip
            receive(name)
        check = activities.list_activities(desk.db, ticket=1, kind="health_check")[0]
        activities.end(desk.db, check.id, state="done", actor="maya", note="called them")

        text = told()

        assert f"a{check.id} health check done" in text
        assert "by maya: called them" in text

    def test_the_words_of_the_columns_are_explained(self, told: Told, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")

        assert "Stages – receipt: what arrived; intake: what it is about; routing: who does it; sla: by when" in told()


class TestGenerations:
    def test_a_follow_up_names_the_closed_one_and_the_other_way_round(
        self, run: Run, receive: Receive, desk: Desk, clock: ManualClock
    ) -> None:
        for name in ("01_conversation_created_webwidget", "03_message_created_outgoing_agent",
                     "09_conversation_status_changed_resolved"):  # fmt: skip
            receive(name)
        clock.advance(timedelta(minutes=20))
        acting.act(desk, 1, Instruction(verb=Verb.CLOSE, actor="maya", reason="done"))
        clock.advance(timedelta(hours=2))
        again = {**json.loads((FIXTURES / "02_message_created_incoming_webwidget.json").read_text()), "id": 9999}
        again["created_at"] = clock.now().isoformat()
        receive(json.dumps(again).encode())

        first, second = run("trace", "t1", COLUMNS="300").stdout, run("trace", "t2", COLUMNS="300").stdout

        assert "09:25:00 by hand" in first and "maya closed it: done" in first
        assert "followed by t2: the customer wrote again after the end" in first
        assert "follows t1, which was closed" in second
        assert json_lines(run("trace", "t2", "--json"))[0]["previous"] == 1
        assert json_lines(run("trace", "t1", "--json"))[0]["following"] == 2


class TestOtherDoors:
    def test_the_same_request_by_another_door_is_named(
        self, told: Told, run: Run, receive: Receive, desk: Desk
    ) -> None:
        receive("01_conversation_created_webwidget")
        with desk.db.write() as conn:
            alias = {"source": "email", "external_id": "m1@x.example", "ticket_id": 1}
            conn.execute(insert(ticket_aliases).values(**alias))

        assert "the same request came as email m1@x.example too" in told()
        head = json_lines(run("trace", "t1", "--json"))[0]
        assert head["aliases"] == [{"source": "email", "external_id": "m1@x.example"}]
