"""The end of a ticket in a real store, and what comes after it: the next generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.builders import a_key
from tests.contract.life import DAY, MINUTE, Life, a_request, a_state, an_answer, at
from worker.clock import ManualClock
from worker.domain.effects import EffectKind
from worker.domain.ticket import Status
from worker.policy_file import load_policy
from worker.store.activities import end, list_activities
from worker.store.database import Database
from worker.store.ticket_reads import facts_of

RESOLVED = (a_state(0), a_request(1, "where is my parcel"), an_answer(5), a_state(10, "resolved"))
THANKS = a_request(20, "Thanks, that solved it!")
NOISE = a_key(2)


@pytest.fixture
def life(db: Database, clock: ManualClock, tmp_path: Path) -> Life:
    begun = Life.begun(db, clock, load_policy(None), tmp_path)
    begun.hear(*RESOLVED, now=11)
    begun.hear(a_state(0), a_request(1, "another"), key=NOISE, now=12)
    return begun


@pytest.fixture
def closed(life: Life) -> Life:
    """Closed by the customer's confirmation at minute 25."""
    life.hear(THANKS, a_state(20.01, "open"), now=20.02)
    life.perform(EffectKind.SET_STATUS)
    life.hear(a_state(21, "resolved"), now=21)
    life.wait_until(at(30))
    return life


class TestTheEnd:
    def test_by_confirmation(self, closed: Life) -> None:
        ticket = closed.ticket()

        assert (ticket.status, ticket.closed_at, ticket.closed_by) == (Status.CLOSED, at(25), "confirmation")
        assert ticket.reopen_count == 0
        assert closed.json()["closed_at"] == at(25)
        assert len(closed.events("ticket.closed")) == 1
        assert closed.asked_for()["set_status", f"confirmed:resolution:1:{THANKS.key}"] == 1
        assert closed.ticket(2).status is not Status.CLOSED

    def test_by_confirming_twice_each_of_which_opens_the_conversation(self, life: Life) -> None:
        more = a_request(22, "It works now")
        life.hear(THANKS, a_state(20.01, "open"), now=20.02)
        life.perform(EffectKind.SET_STATUS)
        life.hear(a_state(21, "resolved"), now=21)

        life.hear(more, a_state(22.01, "open"), now=22.02)

        assert life.asked_for()["set_status", f"confirmed:resolution:1:{more.key}"] == 1
        assert life.perform(EffectKind.SET_STATUS) == 1
        life.wait_until(at(30))
        assert (life.ticket().status, life.ticket().closed_by) == (Status.CLOSED, "confirmation")

    def test_after_the_quiet_time_and_its_notice(self, life: Life) -> None:
        life.wait_until(at(10) + 4 * DAY)
        assert life.asked_for()["closing_notice", "resolution:1"] == 1
        assert life.perform(EffectKind.CLOSING_NOTICE) == 1

        life.restarted().wait_until(at(10) + 5 * DAY - MINUTE)
        assert life.ticket().status is Status.RESOLVED
        life.restarted().wait_until(at(10) + 5 * DAY)

        assert (life.ticket().status, life.ticket().closed_by) == (Status.CLOSED, "quiet")

    def test_not_while_the_notice_waits_for_approval(self, life: Life) -> None:
        life.wait_until(at(10) + 7 * DAY + MINUTE)

        assert life.ticket().status is Status.RESOLVED
        [waits] = life.events("ticket.close_waits")
        assert "waits for approval" in waits.reason
        assert life.perform(EffectKind.CLOSING_NOTICE) == 1
        life.wait_until(at(10) + 8 * DAY + MINUTE / 2)
        assert life.ticket().status is Status.RESOLVED
        life.wait_until(at(10) + 8 * DAY + MINUTE)
        assert life.ticket().status is Status.CLOSED

    def test_what_is_missing_is_said_once(self, life: Life) -> None:
        life.hear(a_state(40), a_request(40, "hello"), a_state(41, "resolved"), key=a_key(3), now=41)
        life.wait_until(at(60))
        life.hear(a_state(61, "resolved", labels=("x",)), key=a_key(3), now=61)

        [said] = life.events("ticket.close_blocked", 3)
        assert said.data == {"missing": ["it does not say what was done: no resolution text"]}
        assert life.asked_for(3)["private_note", f"close_blocked:{said.key}"] == 1


class TestTheNextGeneration:
    def test_a_message_after_the_end_opens_a_linked_one(self, closed: Life) -> None:
        number = closed.hear(a_request(60, "It broke again"), now=60)

        assert number == 3
        assert (closed.ticket(3).generation, closed.ticket(3).previous) == (2, 1)
        assert closed.ticket(3).status is Status.TRIAGED
        assert closed.ticket().status is Status.CLOSED
        shape = closed.json(3)
        assert (shape["generation"], shape["external_id"]) == (2, closed.json()["external_id"])
        [created] = closed.events("ticket.created", 3)
        assert created.data["follows"] == 1
        assert created.reason.startswith("follows t1, which was closed")

    def test_the_old_one_stays_closed_whatever_comes(self, closed: Life) -> None:
        closed.hear(a_request(60, "It broke again"), now=60)
        closed.hear(a_state(60.01, "open"), now=61)
        closed.hear(an_answer(65), a_state(70, "resolved"), now=70)
        closed.wait_until(at(80))

        assert closed.ticket().closed_at == at(25)
        assert closed.ticket().edges[-1].after is Status.CLOSED
        assert closed.ticket(3).status is Status.RESOLVED

    def test_what_is_heard_late_goes_to_the_generation_of_its_time(self, closed: Life) -> None:
        closed.hear(a_request(60, "It broke again"), now=60)

        assert closed.hear(an_answer(7, "By the way, it is on its way"), now=61) == 1
        assert closed.hear(a_request(61, "and again"), now=62) == 3
        assert closed.ticket(3).customer_messages == 2

    def test_once_followed_no_late_message_takes_its_end_back(self, closed: Life) -> None:
        closed.hear(a_request(60, "it is broken again"), now=60)
        closed.hear(a_request(22, "no, wait"), now=61)

        first = closed.ticket()
        assert (first.status, first.closed_at, first.reopen_count) == (Status.CLOSED, at(25), 1)
        assert [clock.key for clock in first.clocks if clock.met_at is None] == []
        assert closed.ticket(3).status is Status.TRIAGED

    def test_what_is_told_again_of_the_first_is_nothing_to_the_next(self, closed: Life) -> None:
        closed.hear(a_request(60, "It broke again"), now=60)
        assert closed.hear(an_answer(5), a_state(62, "open"), now=63) == 3  # the old answer was marked as read

        follower = closed.ticket(3)
        assert (follower.status, follower.replied, follower.created_at) == (Status.TRIAGED, False, at(60))
        assert next((clock.key, clock.met_at) for clock in follower.clocks) == ("first_response:1", None)

    def test_an_answer_that_comes_before_its_question_answers_it_all_the_same(self, closed: Life) -> None:
        assert closed.hear(an_answer(65), now=65) == 1
        assert closed.hear(a_request(62, "It broke again"), now=66) == 3
        assert closed.hear(an_answer(61), now=67) == 1
        assert closed.hear(a_request(60.5, "Hello?"), now=68) == 3

        follower = closed.ticket(3)
        assert (follower.status, follower.replied, follower.created_at) == (Status.IN_PROGRESS, True, at(60.5))
        assert [(clock.key, clock.met_at) for clock in follower.clocks if clock.met_at] == [
            ("first_response:1", at(61)), ("next_response:1", at(65)),
        ]  # fmt: skip
        assert closed.hear(an_answer(65), now=69) == 3
        assert len([one for one in facts_of(closed.db, 3) if one.fact.key == "message:r65"]) == 1

    def test_the_next_one_has_a_next_one(self, closed: Life) -> None:
        closed.hear(a_request(60, "It broke again"), an_answer(61), a_state(62, "resolved"), now=62)
        closed.hear(a_request(63, "Thank you"), now=63)
        closed.wait_until(at(70))
        assert closed.ticket(3).status is Status.CLOSED

        assert closed.hear(a_request(80, "Hello again"), now=80) == 4
        assert (closed.ticket(4).generation, closed.ticket(4).previous) == (3, 3)


class TestActivities:
    def kinds(self, life: Life, state: str) -> list[str]:
        return sorted(one.kind for one in list_activities(life.db, ticket=1, state=state))

    def test_they_are_opened_and_called_off(self, life: Life) -> None:
        assert self.kinds(life, "open") == ["health_check", "satisfaction_survey"]

        life.hear(a_request(15, "It came broken"), now=15)

        assert self.kinds(life, "open") == []
        assert self.kinds(life, "cancelled") == ["health_check", "satisfaction_survey"]
        [first, _] = list_activities(life.db, ticket=1, state="cancelled")
        assert (first.note, first.done_by) == ("the ticket was reopened", "hookdesk")

    def test_what_a_person_has_done_by_then_is_not_called_off(self, life: Life) -> None:
        [check] = list_activities(life.db, ticket=1, kind="health_check")
        end(life.db, check.id, state="done", actor="maya")

        life.hear(a_request(15, "It came broken"), now=15)

        assert self.kinds(life, "done") == ["health_check"]
        assert [event.data["type"] for event in life.events("activity.cancelled")] == ["satisfaction_survey"]

    def test_another_resolution_opens_others(self, life: Life) -> None:
        life.hear(a_request(15, "It came broken"), a_state(16, "resolved"), now=16)

        assert [one.key for one in list_activities(life.db, ticket=1, state="open")] == ["resolution:2"] * 2

    def test_closing_leaves_the_health_check(self, closed: Life) -> None:
        assert "health_check" in self.kinds(closed, "open")
