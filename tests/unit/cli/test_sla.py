"""`hookdesk sla`: what is at risk comes first, and an explained clock adds up to the second, holidays by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.life import Life, a_request, a_state
from tests.unit.cli.conftest import NOW, Run, json_lines
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Author, Message, Snapshot, TicketKey
from worker.policy_file import load_policy

POLICY = """
[calendars.business]
zone = "Europe/Berlin"
mon = ["09:00-18:00"]
thu = ["09:00-12:00", "13:00-18:00"]
fri = ["09:00-18:00"]
country = "DE"

[[sla]]
name = "usual"
calendar = "business"
first_response = "4h"
resolution = "8h"
"""
CHRISTMAS_EVE = datetime(2026, 12, 24, 15, tzinfo=UTC)  # a Thursday, 16:00 in Berlin
MONDAY = datetime(2026, 12, 28, 9, 30, tzinfo=UTC)


@pytest.fixture
def life(desk: Desk, clock: ManualClock, tmp_path: Path) -> Life:
    """A desk with these promises, which the command line finds in its folder, too."""
    (tmp_path / "hookdesk.toml").write_text(POLICY)
    return Life(desk.db, clock, replace(desk, policy=load_policy(tmp_path / "hookdesk.toml")))


def hear_of_christmas(life: Life) -> None:
    """Asked on Christmas Eve, snoozed for half an hour, answered on Monday."""
    asked = Message("m1", CHRISTMAS_EVE, Author.CUSTOMER, "Where is my parcel?")
    answered = Message("r1", MONDAY, Author.AGENT, "On its way.")
    shots = [
        Snapshot(CHRISTMAS_EVE + timedelta(minutes=minute), status, CHRISTMAS_EVE, digest=str(minute))
        for minute, status in ((0, "open"), (30, "snoozed"), (60, "open"))
    ]
    life.move_to(MONDAY)
    life.hear(asked, answered, *shots)


class TestExplain:
    def test_a_holiday_inside_a_counted_span_is_named(self, run: Run, life: Life) -> None:
        hear_of_christmas(life)

        text = run("sla", "explain", "t1").stdout

        assert "2026-12-25 is a holiday in calendar business (Christmas Day): 9 h of its hours do not count" in text
        assert "4 h counted by calendar business (mon 09:00-18:00, thu 09:00-12:00 13:00-18:00, fri 09:00-18:00" in text
        assert "paused: snoozed" in text
        assert "outside the hours of calendar business and 9 h on 1 holiday" in text

    def test_counted_and_paused_and_closed_add_up_to_all_of_it(self, run: Run, life: Life) -> None:
        hear_of_christmas(life)

        first = next(
            each for each in json_lines(run("sla", "explain", "t1", "--json")) if each["metric"] == "first_response"
        )

        hour = 3600
        assert (first["counted_seconds"], first["paused_seconds"]) == (3 * hour, 0.5 * hour)
        assert first["outside_hours_seconds"] == 87 * hour
        assert first["target_seconds"] - first["counted_seconds"] == first["remaining_seconds"] == hour
        assert sum(each["seconds"] for each in first["spans"]) == (MONDAY - CHRISTMAS_EVE).total_seconds()
        last = first["spans"][-1]
        assert last["holidays"] == [{"date": "2026-12-25", "seconds": 9 * hour}]
        assert last["seconds"] == last["counted_seconds"] + last["outside_hours_seconds"] + 9 * hour

    def test_the_sum_is_a_sentence(self, run: Run, life: Life) -> None:
        hear_of_christmas(life)

        text = run("sla", "explain", "t1").stdout

        assert (
            "sum: counted 3 h, paused 30 m, outside business hours 87 h; promised 4 h, 1 h left when it was met" in text
        )
        assert "50 % were used up at 2026-12-28 08:30:00" in text

    def test_what_counted_is_never_told_in_days(self, run: Run, life: Life) -> None:
        begun, week = datetime(2026, 6, 18, 7, tzinfo=UTC), timedelta(days=8, hours=9)  # 9:00 to 18:00 in Berlin
        asked = Message("m1", begun, Author.CUSTOMER, "Where is my parcel?")
        life.move_to(begun + week)
        life.hear(asked, Message("r1", begun + week, Author.AGENT, "Here."), a_state(0, at=begun, created_at=begun))

        lines = run("sla", "explain", "t1").stdout.splitlines()

        counting = next(line.split()[4:] for line in lines if line.startswith("  2026-06-18"))
        assert counting[:7] == ["8", "d", "9", "h", "43", "h", "counts,"]

    def test_what_was_met_under_an_earlier_policy_is_shown_as_it_was_judged(
        self, run: Run, life: Life, tmp_path: Path
    ) -> None:
        hear_of_christmas(life)
        (tmp_path / "hookdesk.toml").write_text(POLICY.replace("4h", "1h"))

        text = run("sla", "explain", "t1").stdout

        assert "first response 1: met at 2026-12-28 09:30:00\n" in text
        assert "promised by policy 'usual': 4 h counted by an earlier calendar" in text


class TestList:
    def test_those_at_risk_come_first_however_old_they_are(self, run: Run, desk: Desk, clock: ManualClock) -> None:
        life = Life(desk.db, clock, desk)
        for n, minute in ((1, 0), (2, 150), (3, 199)):  # of four hours, from nine on
            began = NOW + timedelta(minutes=minute)
            asked = a_request(0, id=f"m{n}", at=began, text="the package")
            shown = a_state(0, at=began, created_at=began, priority="medium", digest=str(n))
            life.move_to(began)
            life.hear(asked, shown, key=TicketKey("chatwoot", f"1/{n}"))
        life.wait_until(NOW + timedelta(minutes=200))

        rows = json_lines(run("sla", "list", "--json"))
        first, *_ = json_lines(run("sla", "list", "--limit", "1", "--json"))

        assert [(row["ticket_id"], row["metric"], row["standing"]) for row in rows][:2] == [
            (1, "first_response", "at risk"),
            (2, "first_response", "running"),
        ]
        assert (first["ticket_id"], first["standing"]) == (1, "at risk")
        assert [each["share"] for each in first["warned"]] == [50, 80]
        assert "at risk" in run("sla", "list").stdout.splitlines()[1]

    def test_then_the_breached_and_last_the_met(self, run: Run, desk: Desk, clock: ManualClock) -> None:
        life = Life(desk.db, clock, desk)
        for n in (1, 2):
            shown = a_state(0, at=NOW, created_at=NOW, priority="urgent", digest=str(n))
            life.hear(a_request(0, id=f"m{n}", at=NOW), shown, key=TicketKey("chatwoot", f"1/{n}"))
        life.hear(a_request(0, id="r", at=NOW, author=Author.AGENT), key=TicketKey("chatwoot", "1/2"))
        life.wait_until(NOW + timedelta(minutes=31))

        rows = json_lines(run("sla", "list", "--json"))

        assert [(row["ticket_id"], row["metric"], row["standing"]) for row in rows if row["standing"] != "running"] == [
            (1, "first_response", "breached"),
            (2, "resolution", "paused"),
            (2, "first_response", "met"),
        ]
        assert [row["ticket_id"] for row in json_lines(run("sla", "list", "--breached", "--json"))] == [1]

    def test_what_is_breached_is_found_among_newer_ones_and_met_late_comes_last(
        self, run: Run, desk: Desk, clock: ManualClock
    ) -> None:
        life = Life(desk.db, clock, desk)
        for n, minute in ((1, 0), (2, 0), (3, 0), (4, 120)):
            shown = a_state(0, at=NOW, created_at=NOW, priority="urgent", digest=str(n))
            life.wait_until(NOW + timedelta(minutes=minute))
            life.hear(a_request(0, id=f"m{n}", at=clock.now()), shown, key=TicketKey("chatwoot", f"1/{n}"))
        for n, minute in ((2, 121), (3, 1)):  # late, and in time, though we hear of it late
            said = NOW + timedelta(minutes=minute)
            life.hear(a_request(0, id=f"r{n}", at=said, author=Author.AGENT), key=TicketKey("chatwoot", f"1/{n}"))
        life.wait_until(NOW + timedelta(minutes=125))

        def listed(*options: str) -> list[tuple[int, bool]]:
            rows = json_lines(run("sla", "list", "--breached", "--json", *options))
            return [(row["ticket_id"], row["met_at"] is not None) for row in rows]

        assert listed() == [(1, False), (2, True)]
        assert listed("--limit", "2") == [(1, False), (2, True)]
        assert listed("--limit", "1") == [(1, False)]


class TestTicket:
    def test_its_json_tells_the_newest_warning(self, run: Run, desk: Desk, clock: ManualClock) -> None:
        life = Life(desk.db, clock, desk)
        life.hear(a_request(0, at=NOW), a_state(0, at=NOW, created_at=NOW, priority="urgent"))
        life.wait_until(NOW + timedelta(minutes=25))

        [row] = json_lines(run("tickets", "--json"))

        warned = {clock["metric"]: clock["warned_at"] for clock in row["sla"]}
        assert warned == {"first_response": "2026-06-18T09:29:00.000000Z", "resolution": None}


class TestPolicy:
    def test_business_hours_are_never_told_in_days(self, run: Run) -> None:
        lines = run("policy").stdout.splitlines()

        [medium] = [line for line in lines if line.startswith("medium ")]
        assert medium.split()[1:8] == ["business", "4", "h", "8", "h", "27", "h"]

    def test_it_shows_what_is_promised_by_which_calendar_and_what_late_customers_get(
        self, run: Run, life: Life
    ) -> None:
        lines = run("policy").stdout.splitlines()

        [usual] = [line for line in lines if line.startswith("usual")]
        assert usual.split() == ["usual", "business", "4", "h", "8", "h", "50", "%,", "80", "%", "always"]
        assert (
            "Calendar business: mon 09:00-18:00, thu 09:00-12:00 13:00-18:00, fri 09:00-18:00 Europe/Berlin, "
            "with the public holidays of DE"
        ) in lines
        assert "Heard of later than 5 m: one notice per team." in lines
        assert "Reopening: within 3 d the same agent, clocks resume; later routed anew, clocks restart" in lines
