"""Each kind of effect as Chatwoot gets it, what is kept of the answer, and whose marker a message carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.outgoing import START, Bench, a_bench
from worker.clock import from_micros
from worker.domain import facts
from worker.domain.effects import Effect, EffectKind, EffectState
from worker.domain.facts import TicketKey
from worker.domain.ticket import Status, Ticket
from worker.practice.faults import Fault
from worker.practice.world import Conversation, Message
from worker.store import tickets

REPLY = Effect(EffectKind.REPLY, "act:1", {"text": "On it.", "actor": "ana@desk.example"})
LABELS = Effect(EffectKind.ADD_LABELS, "act:1", {"labels": ["refund", "vip"]})
ATTRIBUTES = Effect(EffectKind.SET_ATTRIBUTES, "act:1", {"attributes": {"order": "77120"}})
RESOLVE = Effect(EffectKind.SET_STATUS, "act:1", {"status": "resolved"})
PRIORITY = Effect(EffectKind.SET_PRIORITY, "act:1", {"priority": "high"})
UNTIL = START + timedelta(hours=3)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        made.store(Ticket(made.key, START, START, status=Status.IN_PROGRESS, priority="high"))
        yield made


def held(bench: Bench) -> Conversation:
    return bench.practice.world.conversation(bench.conversation)


def last(bench: Bench) -> Message:
    return held(bench).messages[-1]


class TestKinds:
    def test_labels_are_added(self, bench: Bench) -> None:
        bench.practice.chat.set_labels(bench.conversation, ["by hand"])
        (id_,) = bench.add(LABELS)

        bench.perform()

        assert held(bench).labels == ["by hand", "refund", "vip"]
        assert (bench.effect(id_).state, bench.effect(id_).result) == ("done", {})

    def test_attributes_are_merged(self, bench: Bench) -> None:
        bench.practice.chat.set_custom_attributes(bench.conversation, {"vendor": "by hand"})
        bench.add(ATTRIBUTES)

        bench.perform()

        assert held(bench).custom_attributes == {"vendor": "by hand", "order": "77120"}

    def test_the_priority_is_set(self, bench: Bench) -> None:
        bench.add(PRIORITY)

        bench.perform()

        assert held(bench).priority == "high"

    @pytest.mark.parametrize(
        ("payload", "status", "until"),
        [
            ({"status": "open"}, "open", None),
            ({"status": "snoozed", "snoozed_until": int(UNTIL.timestamp())}, "snoozed", UNTIL),
        ],
    )
    def test_the_status_is_set(self, bench: Bench, payload: dict[str, object], status: str, until: object) -> None:
        bench.practice.set_pending_bot(bench.conversation)
        bench.add(Effect(EffectKind.SET_STATUS, "act:1", payload))

        bench.perform()

        micros = None if until is None else int(UNTIL.timestamp()) * 1_000_000
        assert (held(bench).status, held(bench).snoozed_until) == (status, micros)

    def test_a_reply_is_public_and_marked_as_a_persons(self, bench: Bench) -> None:
        (id_,) = bench.add(REPLY)

        bench.perform()

        sent = last(bench)
        assert (sent.content, sent.private, sent.content_attributes) == ("On it.", False, {"hookdesk": f"r{id_}"})
        assert sent.is_delivered
        assert bench.effect(id_).result == {"id": sent.id}

    def test_a_closing_notice_is_public_and_ours(self, bench: Bench) -> None:
        bench.resolve()
        (id_,) = bench.add(Effect(EffectKind.CLOSING_NOTICE, "closing:1", {"text": "We close this.", "resolution": 1}))

        bench.perform()

        assert (last(bench).private, last(bench).content_attributes) == (False, {"hookdesk": f"e{id_}"})

    def test_a_word_chatwoot_does_not_know_is_a_dead_letter_and_never_sent(self, bench: Bench) -> None:
        bench.store(Ticket(bench.key, START, START, status=Status.IN_PROGRESS, priority="huge"))
        (id_,) = bench.add(Effect(EffectKind.SET_PRIORITY, "act:1", {"priority": "huge"}))

        bench.perform()

        assert (bench.effect(id_).state, bench.effect(id_).cause) == ("dead", "bad_value")
        assert not bench.practice.gate.received


class TestResolving:
    """An effect that is performed late must not close a conversation under a customer who has written meanwhile."""

    def heard(self, bench: Bench, status: Status = Status.RESOLVED) -> None:
        """The ticket knows the conversation as it is now, and what was written in it."""
        known_at = from_micros(held(bench).updated)
        ticket_id = bench.store(Ticket(bench.key, START, START, status=status, registers_at=known_at))
        written = [
            facts.Message(str(one.id), from_micros(one.micros), facts.Author.CUSTOMER) for one in held(bench).messages
        ]
        with bench.db.write() as conn:
            tickets.add_facts(conn, [(ticket_id, one, "d1") for one in written])

    def test_not_under_a_message_that_is_not_heard_of_yet(self, bench: Bench) -> None:
        self.heard(bench)
        (id_,) = bench.add(RESOLVE)
        bench.clock.advance(60)
        bench.practice.customer_writes(bench.conversation, "It is broken again!")

        bench.perform()

        assert (held(bench).status, bench.effect(id_).state, bench.effect(id_).cause) == ("open", "retry", "unheard")

        self.heard(bench, Status.IN_PROGRESS)
        bench.run(hours=1)

        assert (held(bench).status, bench.effect(id_).state, bench.effect(id_).cause) == ("open", "cancelled", "stale")

    def test_not_again_when_the_answer_got_lost_and_the_customer_opened_it_meanwhile(self, bench: Bench) -> None:
        self.heard(bench)
        bench.practice.set_faults(Fault("500_after_store", times=1, method="POST"))
        (id_,) = bench.add(RESOLVE)
        bench.perform()
        assert (held(bench).status, bench.effect(id_).state) == ("resolved", "retry")
        bench.clock.advance(60)
        bench.practice.customer_writes(bench.conversation, "It is broken again!")

        bench.perform()

        assert (held(bench).status, bench.effect(id_).cause) == ("open", "unheard")

    def test_not_under_one_of_the_very_second_of_what_is_known(self, bench: Bench) -> None:
        bench.practice.chat.set_labels(bench.conversation, ["refund"])
        self.heard(bench)
        (id_,) = bench.add(RESOLVE)
        bench.practice.customer_writes(bench.conversation, "It is broken again!")

        bench.perform()

        assert (held(bench).status, bench.effect(id_).cause) == ("open", "unheard")

    def test_under_one_that_was_heard_of_but_did_not_move_what_is_known(self, bench: Bench) -> None:
        self.heard(bench)
        before = held(bench).updated
        bench.clock.advance(60)
        bench.practice.customer_writes(bench.conversation, "And one more thing.")
        self.heard(bench)
        known_at = from_micros(before)
        bench.store(Ticket(bench.key, START, START, status=Status.RESOLVED, registers_at=known_at))
        bench.add(RESOLVE)

        bench.perform()

        assert held(bench).status == "resolved"

    def test_under_one_that_was_heard_of_and_changes_nothing(self, bench: Bench) -> None:
        bench.clock.advance(60)
        bench.practice.customer_writes(bench.conversation, "I am out of office.")
        self.heard(bench)
        bench.add(RESOLVE)

        bench.perform()

        assert held(bench).status == "resolved"

    @pytest.mark.parametrize("answered", [True, False])
    def test_whatever_else_has_changed_since(self, bench: Bench, answered: bool) -> None:
        self.heard(bench)
        bench.clock.advance(60)
        bench.practice.chat.set_labels(bench.conversation, ["refund"])
        if answered:
            bench.practice.customer_writes(bench.conversation, "Thanks, and the bill?")
            bench.practice.agent_replies(bench.conversation, 7, "It is on its way.")
        bench.add(RESOLVE)

        bench.perform()

        assert held(bench).status == "resolved"


class TestLostAnswers:
    @pytest.mark.parametrize("kind", ["500_after_store", "cut_after_store"])
    @pytest.mark.parametrize("effect", [LABELS, ATTRIBUTES, PRIORITY, REPLY], ids=lambda each: each.kind.value)
    def test_what_was_done_is_not_done_again(self, bench: Bench, effect: Effect, kind: str) -> None:
        bench.practice.chat.set_labels(bench.conversation, ["by hand"])
        bench.practice.chat.set_custom_attributes(bench.conversation, {"vendor": "by hand"})
        (id_,) = bench.add(effect)
        bench.practice.set_faults(Fault(kind, method="POST"))
        bench.perform()
        before = (held(bench).labels, held(bench).custom_attributes, held(bench).priority, len(held(bench).messages))

        bench.run(hours=1)

        after = (held(bench).labels, held(bench).custom_attributes, held(bench).priority, len(held(bench).messages))
        assert after == before
        assert (bench.effect(id_).state, bench.effect(id_).attempts) == ("done", 2)

    def test_a_change_by_hand_between_two_tries_is_kept(self, bench: Bench) -> None:
        bench.add(LABELS)
        bench.practice.set_faults(Fault("500", method="POST"))
        bench.perform()
        bench.practice.chat.set_labels(bench.conversation, ["by hand"])

        bench.run(hours=1)

        assert held(bench).labels == ["by hand", "refund", "vip"]


class TestTargets:
    @pytest.mark.parametrize("external", ["1/", "1/abc", "312", "1/3/4"])
    def test_a_ticket_without_a_conversation_has_none(self, bench: Bench, external: str) -> None:
        ticket_id = bench.store(Ticket(TicketKey("chatwoot", external), START, START, status=Status.IN_PROGRESS))
        (id_,) = bench.add(LABELS, ticket_id=ticket_id)

        bench.perform()

        assert bench.effect(id_).state == "no_target"

    def test_neither_has_one_from_elsewhere(self, bench: Bench) -> None:
        ticket_id = bench.store(Ticket(TicketKey("email", "1/312"), START, START, status=Status.IN_PROGRESS))
        (id_,) = bench.add(replace(LABELS), ticket_id=ticket_id)

        bench.perform()

        assert bench.effect(id_).state == EffectState.NO_TARGET
        assert not bench.practice.gate.received
