"""Every real-shaped body, alone and in sequence, with what is expected of it (the fixtures' own words)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import a_policy, a_roster, an_agent
from tests.unit.intake.reading import FIXTURES, body, deliveries, parsed
from worker.domain.decide import decide
from worker.domain.facts import Answer, Author, Message, Snapshot
from worker.domain.fold import fold
from worker.domain.outcome import outcome_of
from worker.domain.ticket import Status
from worker.domain.view import Given

POLICY = a_policy()


def at(clock):
    return datetime.fromisoformat(f"2026-06-18T{clock}").replace(tzinfo=UTC)


def facts(*numbers):
    known = {}
    for number in numbers:
        for fact in parsed(body(number)).facts:
            known.setdefault(fact.key, fact)
    return list(known.values())


def ticket(*numbers, as_of=None):
    key = parsed(body(numbers[0])).ticket
    return fold(key, facts(*numbers), POLICY, as_of=as_of or at("12:00:00"))


def decided(*numbers, now, before=()):
    earlier = ticket(*before, as_of=now) if before else None
    key = parsed(body(numbers[0])).ticket
    roster = a_roster(an_agent(), refreshed_at=now)
    return decide(earlier, key, facts(*before, *numbers), policy=POLICY, known=Given(roster), now=now)


def clock(of, metric):
    return next((clock for clock in of.clocks if clock.metric == metric), None)


def names(decision):
    return [event.name for event in decision.events]


class TestEveryFile:
    @pytest.mark.parametrize("number", [f"{number:02d}" for number in range(1, 28)])
    def test_it_is_understood(self, number):
        said = parsed(body(number))

        assert said.event == body(number)["event"]
        assert (said.ticket is None) is bool(said.ignored)

    def test_none_was_forgotten(self):
        assert len(list((FIXTURES / "chatwoot").glob("[0-9]*.json"))) == 27

    @pytest.mark.parametrize(
        ("number", "word"),
        [("23", "contact_event"), ("24", "contact_event"), ("25", "widget"), ("26", "typing")],
    )
    def test_what_says_nothing_about_a_ticket_is_ignored_with_a_word(self, number, word):
        assert parsed(body(number)).ignored == word


class TestConversation:
    def test_01_created_starts_the_clocks_at_created_at_and_is_routed(self):
        decision = decided("01", now=at("09:00:02"))

        assert decision.ticket.status is Status.TRIAGED
        assert clock(decision.ticket, "first_response").started_at == at("09:00:01")
        assert clock(decision.ticket, "resolution").started_at == at("09:00:01")
        assert decision.ticket.assignee is not None
        assert (decision.ticket.category, decision.ticket.tier) == ("billing", "gold")
        assert decision.ticket.key.external_id == "1/312"

    def test_09_resolved_stops_the_clocks_and_schedules_the_survey(self):
        decision = decided("02", "03", "09", now=at("09:21:00"))

        assert decision.ticket.status is Status.RESOLVED
        assert clock(decision.ticket, "resolution").met_at == at("09:20:30.904455")
        assert [timer.kind for timer in decision.timers] == ["csat", "closing"]

    def test_10_is_the_twin_of_09_and_says_nothing_new(self):
        assert parsed(body("09")).facts == parsed(body("10")).facts
        decision = decided("10", before=("02", "03", "09"), now=at("09:21:00"))
        assert set(names(decision)) == {"csat.scheduled"}  # its key is the same: it is there already

    def test_11_reopened_runs_on_and_cancels_the_survey(self):
        decision = decided("11", before=("02", "03", "09"), now=at("10:05:01"))

        assert decision.ticket.status is Status.IN_PROGRESS
        assert decision.ticket.reopen_count == 1
        assert {"ticket.reopened", "csat.cancelled"} <= set(names(decision))
        assert clock(decision.ticket, "resolution").met_at is None
        assert all(timer.kind != "csat" for timer in decision.timers)

    def test_12_snoozed_pauses(self):
        snoozed = ticket("02", "03", "12")

        assert snoozed.status is Status.PENDING_CUSTOMER
        assert clock(snoozed, "resolution").paused

    def test_13_assigned_by_somebody_else_is_not_routed(self):
        decision = decided("13", before=("01",), now=at("09:02:15"))

        assert (decision.ticket.assignee.id, decision.ticket.assignee_by) == ("7", "source")
        assert (decision.ticket.routed, decision.effects) == (None, ())

    def test_14_the_team_and_15_the_labels_are_kept(self):
        labelled = ticket("01", "14", "15")

        assert (labelled.team.id, labelled.team.name) == ("2", "billing")
        assert labelled.tags == ("billing", "refund")

    def test_16_the_priority_is_taken_over(self):
        decision = decided("16", before=("01", "15"), now=at("09:03:31"))

        assert decision.ticket.priority == "high"
        assert "ticket.prioritised" in names(decision)

    def test_17_a_missed_sla_moves_no_time_and_is_still_new(self):
        earlier = ticket("01", "16")
        said = parsed(body("17"))

        new = {fact.key for fact in said.facts} - {fact.key for fact in facts("16")}
        assert new
        assert outcome_of(said, new, earlier, ticket("01", "16", "17")) == "processed"

    def test_18_pending_with_the_bot_has_no_human_clock(self):
        pending = ticket("18", as_of=at("23:00:00"))

        assert (pending.with_bot, pending.status, pending.assignee) == (True, Status.NEW, None)
        assert clock(pending, "first_response").paused
        assert clock(pending, "first_response").breached_at is None
        assert decided("18", now=at("11:21:00")).effects == ()

    def test_22_an_old_server_names_no_account(self):
        old = body("22")
        assert "account" not in old

        assert parsed(old, account_id=5).ticket.external_id == "5/77"

    def test_27_an_automation_rule_sends_a_conversation(self):
        said = parsed(body("27"))

        assert [type(fact) for fact in said.facts] == [Snapshot]
        assert said.facts[0].priority == "urgent"


class TestMessages:
    def test_02_a_customers_text_waits_for_an_answer(self):
        created = ticket("02")

        assert (created.subject, created.category) == (body("02")["content"], "billing")
        assert created.requester.email == "lena.fischer@customer.example"
        assert created.waiting_since == at("09:00:01.533")
        assert parsed(body("01")).facts[0] in parsed(body("02")).facts

    def test_03_a_humans_first_reply_meets_the_first_response(self):
        answered = ticket("02", "03")

        assert answered.status is Status.IN_PROGRESS
        assert clock(answered, "first_response").met_at == at("09:06:20.118")
        assert answered.waiting_since is None

    def test_04_a_private_note_changes_no_clock(self):
        assert facts("04")[0].private
        assert ticket("02", "03", "04").clocks == ticket("02", "03").clocks
        assert decided("04", before=("02", "03"), now=at("09:07:03")).events == ()

    def test_05_a_null_content_is_legal_and_starts_the_next_response(self):
        again = ticket("02", "03", "05")

        assert facts("05")[0].text == ""
        assert clock(again, "next_response").started_at == at("09:11:45.020")

    def test_06_chatwoots_own_question_prevents_ours(self):
        asked = ticket("02", "03", "09", "06")
        decision = decided("06", before=("02", "03", "09"), now=at("09:40:00"))

        assert asked.asked_upstream
        assert decision.effects == ()
        assert next(event for event in decision.events if event.stage == "csat").data["cause"] == "asked_upstream"

    def test_07_and_08_are_one_response_that_changes(self):
        assert [fact.rating for fact in facts("07") if isinstance(fact, Answer)] == [5]
        assert ticket("06", "07").answers == (("9013", 5, ""),)
        ((survey, rating, feedback),) = ticket("06", "07", "08").answers
        assert (survey, rating, bool(feedback)) == ("9013", 5, True)
        assert ticket("08", "07", "06").answers == ticket("06", "07", "08").answers

    def test_19_a_bots_reply_is_no_first_response(self):
        assert facts("19")[0].author is Author.BOT
        assert clock(ticket("18", "19"), "first_response").met_at is None

    def test_20_a_message_by_api_is_the_customers(self):
        message = facts("20")[0]

        assert (message.author, ticket("20").channel) == (Author.CUSTOMER, "api")

    def test_21_of_a_mail_reply_only_the_new_text_counts(self):
        message = next(fact for fact in facts("21") if isinstance(fact, Message))

        assert (message.text, message.auto_reply) == ("Any news on PO-7780?", False)
        assert ticket("21").subject == "PO-7780 delivery date"


class TestSequences:
    @pytest.mark.parametrize(
        ("name", "status", "outcomes"),
        [
            ("seq_01_same_delivery_id_twice", Status.TRIAGED, ["processed", "duplicate"]),
            ("seq_02_resolved_twins", Status.RESOLVED, ["processed", "duplicate"]),
            ("seq_03_reopened_before_resolved", Status.IN_PROGRESS, ["processed", "stale"]),
        ],
    )
    def test_it_ends_as_expected(self, name, status, outcomes):
        known, before, seen = {}, None, []
        for said in map(parsed, deliveries(name)):
            new = {fact.key: fact for fact in said.facts if fact.key not in known}
            known |= new
            after = fold(said.ticket, known.values(), POLICY, as_of=at("12:00:00"))
            seen.append(outcome_of(said, new.keys(), before, after))
            before = after

        assert before.status is status
        assert seen == outcomes

    def test_the_whole_story_in_any_order(self):
        numbers = [f"{number:02d}" for number in range(1, 18)]
        later = at("12:00:00") + timedelta(hours=1)

        assert ticket(*numbers, as_of=later) == ticket(*reversed(numbers), as_of=later)
        assert ticket(*numbers).status is Status.PENDING_CUSTOMER
        assert len(ticket(*numbers).resolutions) == 1
