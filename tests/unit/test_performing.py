"""Performing effects: real SQLite, a practice Chatwoot, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.outgoing import AGENT, BILLING, MAYA, NOTE, SECRET, START, SURVEY, TEAM, Bench, a_bench
from worker import survey_token
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import Person
from worker.domain.ticket import Resolution, Status, Ticket
from worker.performing import perform_due
from worker.practice.faults import Fault
from worker.store import breakers, effects


def reopened(bench: Bench) -> Ticket:
    return Ticket(bench.key, START, START, status=Status.IN_PROGRESS, resolutions=(Resolution(1, START, START),))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        yield made


class TestPerform:
    def test_it_assigns_writes_and_says_so(self, bench: Bench) -> None:
        bench.assign(MAYA, BILLING)
        ids = bench.add(TEAM, AGENT, NOTE)

        assert bench.perform() == 3

        held = bench.practice.world.conversation(bench.conversation)
        assert held.team is not None and held.assignee is not None
        assert (held.team.id, held.assignee.id) == (2, 7)
        assert [bench.effect(i).state for i in ids] == ["done"] * 3
        assert bench.practice.messages_marked(f"e{ids[2]}") == 1

    def test_it_asks_the_customer_with_a_signed_link(self, bench: Bench) -> None:
        bench.resolve()
        bench.add(SURVEY)

        bench.perform()

        sent = bench.practice.world.conversation(bench.conversation).messages[-1]
        start, _, token = sent.content.partition("https://desk.example/survey/")
        assert start == "How did we do? "
        assert not sent.private
        link = survey_token.read([SECRET], token)
        assert link is not None and (link.ticket_id, link.resolution) == (bench.ticket_id, 1)

    def test_it_does_nothing_twice(self, bench: Bench) -> None:
        bench.add(NOTE)
        bench.perform()
        calls = len(bench.practice.gate.received)

        assert bench.perform() == 0
        assert len(bench.practice.gate.received) == calls

    def test_it_leaves_what_waits_for_approval(self, bench: Bench) -> None:
        (waiting,) = bench.add(NOTE, state=EffectState.APPROVAL)

        assert bench.perform() == 0
        assert bench.effect(waiting).state == "approval"

    def test_without_a_chatwoot_it_waits_for_one(self, bench: Bench) -> None:
        (waiting,) = bench.add(NOTE)

        perform_due(bench.db, lambda: None, bench.policy, bench.settings, clock=bench.clock)

        assert (bench.effect(waiting).state, bench.effect(waiting).attempts) == ("no_target", 0)

    def test_a_dry_run_switched_on_later_counts_too(self, bench: Bench) -> None:
        (rehearsed,) = bench.add(NOTE)

        bench.perform(effects="dry-run")

        assert bench.effect(rehearsed).state == "dry_run"
        assert not bench.practice.gate.received


class TestStale:
    def test_what_is_no_longer_wanted_is_cancelled_before_the_try(self, bench: Bench) -> None:
        bench.store(reopened(bench))
        (survey,) = bench.add(SURVEY)

        bench.perform()

        stored = bench.effect(survey)
        assert (stored.state, stored.cause, stored.detail) == ("cancelled", "stale", "the ticket was reopened")
        assert not bench.practice.gate.received

    def test_one_whose_outcome_is_unknown_is_looked_for_before_it_is_called_off(self, bench: Bench) -> None:
        bench.resolve()
        (survey,) = bench.add(SURVEY)
        bench.practice.set_faults(Fault("500_after_store", method="POST"))
        bench.perform()
        bench.store(reopened(bench))
        bench.clock.advance(10)

        bench.perform()

        stored = bench.effect(survey)
        assert (stored.state, stored.cause, stored.result) == ("done", None, {"found": f"e{survey}"})
        assert bench.practice.messages_marked(f"e{survey}") == 1

    def test_if_it_is_not_there_it_is_cancelled_and_not_written(self, bench: Bench) -> None:
        bench.resolve()
        (survey,) = bench.add(SURVEY)
        bench.practice.set_faults(Fault("500", method="POST"))
        bench.perform()
        bench.store(reopened(bench))
        bench.clock.advance(10)

        bench.perform()

        stored = bench.effect(survey)
        assert (stored.state, stored.cause, stored.detail) == ("cancelled", "stale", "the ticket was reopened")
        assert bench.practice.messages_marked(f"e{survey}") == 0

    def test_as_long_as_nobody_can_look_it_is_neither(self, bench: Bench) -> None:
        bench.resolve()
        (survey,) = bench.add(SURVEY)
        bench.practice.set_faults(Fault("500_after_store", method="POST"), Fault("500", method="GET"))
        bench.perform()
        bench.store(reopened(bench))
        bench.clock.advance(10)

        bench.perform()
        between = bench.effect(survey).state
        bench.run(hours=1)

        assert (between, bench.effect(survey).state) == ("retry", "done")

    def test_what_waited_too_long_is_cancelled_too(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.clock.advance(timedelta(hours=73))

        assert bench.perform() == 0
        assert (bench.effect(note).state, bench.effect(note).cause) == ("cancelled", "expired")


class TestFailures:
    def test_a_500_is_tried_again_by_the_schedule(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("500"))

        bench.perform()

        stored = bench.effect(note)
        assert (stored.state, stored.cause, stored.attempts) == ("retry", "server_error", 1)
        assert stored.next_at == START + timedelta(seconds=1.5)

    def test_a_message_that_may_be_there_is_looked_for_first(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("500_after_store", method="POST"))
        bench.perform()

        bench.clock.advance(10)
        bench.perform()

        assert bench.practice.messages_marked(f"e{note}") == 1
        assert bench.effect(note).state == "done"
        assert bench.effect(note).result == {"found": f"e{note}"}

    def test_a_worker_killed_after_the_call_leaves_no_second_message(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        claimed = effects.claim_one(bench.db)
        assert claimed is not None
        bench.client.create_message(bench.conversation, "x", private=True, marker=f"e{note}")

        bench.clock.advance(61)
        assert effects.reap(bench.db) == [note]
        bench.perform()

        assert bench.practice.messages_marked(f"e{note}") == 1
        assert bench.effect(note).state == "done"

    def test_a_refusal_is_a_dead_letter(self, bench: Bench) -> None:
        bench.assign(Person("99", "Nobody"))
        (agent,) = bench.add(Effect(EffectKind.ASSIGN_AGENT, "routed:1", {"agent_id": "99", "agent": "Nobody"}))

        bench.perform()

        assert (bench.effect(agent).state, bench.effect(agent).cause) == ("dead", "unknown_agent")

    def test_a_broken_payload_gets_a_few_tries(self, bench: Bench) -> None:
        (broken,) = bench.add(Effect(EffectKind.PRIVATE_NOTE, "note:1", {}))

        for _ in range(4):
            bench.perform()
            bench.clock.advance(600)

        stored = bench.effect(broken)
        assert (stored.state, stored.cause, stored.attempts) == ("dead", "error", 4)

    def test_it_waits_for_the_next_effect_of_the_same_ticket_until_the_first_is_through(self, bench: Bench) -> None:
        first, second = bench.add(NOTE, replace(NOTE, decision="note:2"))
        bench.practice.set_faults(Fault("500"))

        bench.perform()
        assert (bench.effect(first).state, bench.effect(second).state) == ("retry", "pending")

        bench.clock.advance(10)
        bench.perform()
        written = [m.content_attributes for m in bench.practice.world.conversation(bench.conversation).messages[1:]]
        assert written == [{"hookdesk": f"e{first}"}, {"hookdesk": f"e{second}"}]


class TestAccess:
    def test_a_lost_token_opens_the_circuit_and_kills_nothing(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("401", times=None))

        bench.perform()

        stored = bench.effect(note)
        assert (stored.state, stored.cause, stored.attempts) == ("retry", "circuit_open", 0)
        assert breakers.state(bench.db, "chatwoot").is_open

    def test_and_everything_goes_on_with_a_new_one(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("401", times=None))
        for _ in range(40):
            bench.perform()
            bench.clock.advance(60)
        assert bench.effect(note).attempts == 0

        bench.practice.set_faults()
        bench.clock.advance(600)
        bench.perform()

        assert bench.effect(note).state == "done"
        assert not breakers.state(bench.db, "chatwoot").is_open

    def test_while_the_circuit_is_open_nothing_is_called(self, bench: Bench) -> None:
        bench.add(NOTE)
        bench.practice.set_faults(Fault("401", times=None))
        bench.perform()
        calls = len(bench.practice.gate.received)

        bench.clock.advance(20)
        bench.add(replace(NOTE, decision="note:2"))
        bench.perform()

        assert len(bench.practice.gate.received) == calls

    def test_one_forbidden_object_is_a_dead_letter(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        bench.practice.set_faults(Fault("403", method="POST"))

        bench.perform()

        assert (bench.effect(note).state, bench.effect(note).cause) == ("dead", "forbidden")
        assert not breakers.state(bench.db, "chatwoot").is_open

    def test_a_conversation_that_is_gone_cancels(self, bench: Bench) -> None:
        (note,) = bench.add(NOTE)
        del bench.practice.world.conversations[bench.conversation]

        bench.perform()

        assert (bench.effect(note).state, bench.effect(note).cause) == ("cancelled", "gone")
