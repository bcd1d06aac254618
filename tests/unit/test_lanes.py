"""Several other sides at once: each is performed for itself, and none waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.outgoing import NOTE, START, Bench, a_bench
from tests.receiving import SECRET as EVENT_SECRET
from tests.receiving import Reply, WebhookReceiver
from worker.domain.effects import Effect, EffectKind
from worker.domain.policy import Target
from worker.domain.retry import WEBHOOK_OUT
from worker.practice.faults import Fault
from worker.store import breakers, schema

EVENT = Effect(EffectKind.EVENT, "crm:ticket.resolved:1",
               {"target": "crm", "type": "ticket.resolved", "data": {}, "at": START.isoformat()})  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        yield made


class TestLanes:
    """Other sides than Chatwoot do not wait for it, nor it for them."""

    @pytest.fixture
    def receiver(self, bench: Bench) -> Iterator[WebhookReceiver]:
        with WebhookReceiver() as running:
            bench.policy = replace(bench.policy, targets=(Target("crm", running.url, allow_private=True),))
            bench.settings = replace(bench.settings, event_secrets=(("crm", EVENT_SECRET),))
            yield running

    def test_an_open_breaker_of_one_side_holds_up_no_other(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.practice.set_faults(Fault("401", times=None))
        note, event = bench.add(NOTE, EVENT)

        bench.perform()

        assert (bench.effect(note).state, bench.effect(event).state) == ("retry", "done")
        assert breakers.state(bench.db, "chatwoot").is_open
        assert not breakers.state(bench.db, "event:crm").is_open
        assert len(receiver.got) == 1

    def test_nor_does_a_chatwoot_that_hangs(self, bench: Bench, receiver: WebhookReceiver) -> None:
        bench.practice.set_faults(Fault("timeout", times=None))
        notes = [bench.add(NOTE, ticket_id=bench.open()[2])[0] for _ in range(3)]
        (event,) = bench.add(EVENT)

        bench.perform()

        assert bench.effect(event).state == "done"
        assert [bench.effect(note).attempts for note in notes] == [1, 0, 0]
        assert breakers.state(bench.db, "chatwoot").is_open

    def test_nor_does_another_side_that_fails_hold_up_chatwoot(self, bench: Bench, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(500)]
        event, note = bench.add(EVENT, NOTE)

        bench.perform()

        assert (bench.effect(event).state, bench.effect(note).state) == ("retry", "done")

    def test_each_side_has_its_own_schedule(self, bench: Bench, receiver: WebhookReceiver) -> None:
        receiver.replies = [Reply(500)]
        (event,) = bench.add(EVENT)

        bench.perform()

        assert bench.effect(event).next_at == START + timedelta(seconds=WEBHOOK_OUT.seconds(1, draw=0.5))

    def test_what_nothing_performs_waits_for_a_target(self, bench: Bench) -> None:
        (event,) = bench.add(EVENT)
        with bench.db.write() as conn:
            conn.execute(update(schema.effects).values(lane="pigeon:north"))

        bench.perform()

        assert (bench.effect(event).state, bench.effect(event).attempts) == ("no_target", 0)
