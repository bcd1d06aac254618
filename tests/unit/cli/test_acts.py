"""dead-letters and effects: look first, then act, with a reason, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.cli.conftest import FIXTURES, NOW, Receive, Run, json_lines
from tests.unit.cli.test_reads import EFFECT
from worker import metrics
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.firing import fire_due
from worker.processing import drain
from worker.store import audit, letters
from worker.store.effects import add, list_effects
from worker.store.inbox import Receipt, accept
from worker.store.ledger import ledger

PARKED = ("hookdesk_effects_total", {"kind": "private_note", "outcome": "parked"})


@pytest.fixture
def stale(desk: Desk, receive: Receive) -> int:
    """A good request that was set aside because our clock was wrong."""
    receive("01_conversation_created_webwidget")
    body = (FIXTURES / "10_conversation_updated_resolved.json").read_bytes()
    receipt = Receipt("r", "chatwoot", "account", "x", "x", {}, body, NOW, dead_cause="stale_timestamp")
    return accept(desk.db, [receipt])[0].id


class TestDeadLetters:
    def test_none_is_fine(self, run: Run, receive: Receive) -> None:
        result = run("dead-letters", "list")

        assert (result.exit_code, result.stdout) == (0, "No dead letters.\n")

    def test_some_are_a_finding_with_cause_and_next_step(self, run: Run, receive: Receive) -> None:
        receive(b"not json")

        result = run("dead-letters", "list")

        assert result.exit_code == 1
        assert "1 × chatwoot unparsable" in result.stdout
        assert "runbooks/DeadLettersPresent.md" in result.stdout

    def test_show_has_the_request_without_its_signature(self, run: Run, receive: Receive) -> None:
        receive(b"not json at all")

        text = run("dead-letters", "show", "d1").stdout
        (row,) = json_lines(run("dead-letters", "show", "d1", "--json"))

        assert "not json at all" in text
        assert row["request"]["body"] == "not json at all"
        assert "canary" not in text + str(row)

    def test_replay_first_shows_what_it_would_do(self, run: Run, desk: Desk, stale: int) -> None:
        before = ledger(desk.db)

        result = run("dead-letters", "replay", f"d{stale}")

        assert f"d{stale} would end as processed on t1" in result.stdout
        assert "Repeat with --yes" in result.stderr
        assert result.exit_code == 0
        assert ledger(desk.db) == before

    def test_what_is_shown_is_what_happens(self, run: Run, desk: Desk, clock: ManualClock, stale: int) -> None:
        (shown,) = json_lines(run("dead-letters", "replay", f"d{stale}", "--json"))

        done = run("dead-letters", "replay", f"d{stale}", "--yes")
        clock.advance(datetime.now(UTC) - clock.now())  # the command line has the real time
        drain(desk, seconds=5)

        row = letters.get_delivery(desk.db, stale)
        assert done.exit_code == 0
        assert row is not None
        assert (row.state, row.outcome, row.ticket_id) == ("done", shown["outcome"], shown["ticket_id"])
        assert audit.attempts_of(desk.db, f"d{stale}")[0].outcome == "replayed"

    def test_what_would_die_again_is_a_finding(self, run: Run, receive: Receive) -> None:
        receive(b"not json")

        result = run("dead-letters", "replay", "--all")

        assert result.exit_code == 1
        assert "d1 would end as dead: unparsable" in result.stdout

    def test_only_the_dead_can_be_replayed(self, run: Run, receive: Receive) -> None:
        receive("01_conversation_created_webwidget")
        receive(b"not json")

        result = run("dead-letters", "replay", "d2", "d1", "--yes")

        assert result.exit_code == 4
        assert "d1 is done, not dead. Nothing was changed." in result.stderr
        assert len(json_lines(run("dead-letters", "list", "--json"))) == 1

    def test_discarding_needs_yes_and_a_reason(self, run: Run, desk: Desk, receive: Receive) -> None:
        receive(b"not json")

        shown = run("dead-letters", "discard", "d1")
        unreasoned = run("dead-letters", "discard", "d1", "--yes")
        done = run("dead-letters", "discard", "d1", "--yes", "--reason", "test traffic")

        assert (shown.exit_code, unreasoned.exit_code, done.exit_code) == (0, 2, 0)
        assert ledger(desk.db).discarded == 1
        assert ledger(desk.db).difference == 0
        assert "test traffic" in (audit.attempts_of(desk.db, "d1")[-1].detail or "")

    def test_a_cause_chooses(self, run: Run, receive: Receive, stale: int) -> None:
        receive(b"not json")

        rows = json_lines(run("dead-letters", "list", "--cause", "stale_timestamp", "--json"))

        assert [row["id"] for row in rows] == [stale]

    def test_naming_nothing_is_a_usage_error(self, run: Run, receive: Receive) -> None:
        assert run("dead-letters", "replay").exit_code == 2

    def test_an_unknown_one_is_not_found(self, run: Run, receive: Receive) -> None:
        assert run("dead-letters", "show", "d99").exit_code == 1


class TestEffects:
    @pytest.fixture
    def note(self, desk: Desk, receive: Receive) -> int:
        """The note about routing, waiting to be sent."""
        receive("01_conversation_created_webwidget")
        return next(row.id for row in list_effects(desk.db) if row.kind == "private_note")

    def test_json_has_exactly_the_promised_names(self, run: Run, note: int) -> None:
        (row,) = json_lines(run("effects", "list", "--kind", "private_note", "--json"))

        assert list(row) == EFFECT
        assert (row["id"], row["ticket_id"], row["key"], row["state"]) == (note, 1, "routed:1", "pending")

    def test_show_tells_what_it_would_say(self, run: Run, note: int) -> None:
        assert (
            "Routed to" in run("effects", "show", f"e{note}").stdout
            or "text:" in run("effects", "show", f"e{note}").stdout
        )

    def test_approving_what_does_not_wait_is_refused(self, run: Run, note: int) -> None:
        result = run("effects", "approve", f"e{note}", "--yes")

        assert result.exit_code == 4
        assert f"e{note} is pending" in result.stderr

    def test_approve_shows_first_and_then_does_it(self, run: Run, desk: Desk, note: int) -> None:
        from sqlalchemy import update

        from worker.store.schema import effects

        with desk.db.write() as conn:
            conn.execute(update(effects).where(effects.c.id == note).values(state="approval"))

        shown = run("effects", "approve", "--all")
        state_between = next(row.state for row in list_effects(desk.db) if row.id == note)
        (done,) = json_lines(run("effects", "approve", f"e{note}", "--yes", "--json"))

        assert shown.exit_code == 0
        assert "Repeat with --yes" in shown.stderr
        assert state_between == "approval"
        assert done["state"] == "pending"
        assert audit.attempts_of(desk.db, f"e{note}")[-1].outcome == "approved"

    def test_cancel_needs_a_reason_which_is_kept(self, run: Run, desk: Desk, note: int) -> None:
        unreasoned = run("effects", "cancel", f"e{note}", "--yes")
        (done,) = json_lines(run("effects", "cancel", f"e{note}", "--yes", "--reason", "by phone", "--json"))

        assert unreasoned.exit_code == 2
        assert (done["state"], done["cause"]) == ("cancelled", "operator")
        assert "by phone" in run("effects", "show", f"e{note}").stdout

    def test_more_than_twenty_of_one_ticket_in_an_hour_wait_for_a_person(
        self, run: Run, desk: Desk, note: int, clock: ManualClock
    ) -> None:
        before = metrics.REGISTRY.get_sample_value(*PARKED) or 0
        ticket = next(row.ticket_id for row in list_effects(desk.db) if row.id == note)
        clock.advance(timedelta(hours=3, minutes=56))  # the first response has just become overdue
        flood = [(ticket, Effect(EffectKind.PRIVATE_NOTE, f"echo:{n}", {"text": "again"})) for n in range(20)]
        with desk.db.write() as conn:
            add(conn, flood, states=lambda _: EffectState.PENDING, now=clock.now())

        fire_due(desk, seconds=5)

        parked = json_lines(run("effects", "list", "--state", "approval", "--json"))
        notes = [row for row in parked if row["kind"] == "private_note"]
        assert {(row["cause"], row["ticket_id"]) for row in parked} == {("too_many", ticket)}
        assert "too_many" in run("effects", "list").stdout
        assert len(notes) > 0
        assert metrics.REGISTRY.get_sample_value(*PARKED) == before + len(notes)

    def test_an_unknown_one_changes_nothing(self, run: Run, desk: Desk, note: int) -> None:
        result = run("effects", "cancel", f"e{note}", "e99", "--yes", "--reason", "x")

        assert result.exit_code == 1
        assert next(row.state for row in list_effects(desk.db) if row.id == note) == "pending"
