"""The held clocks of ten thousand generated ticket histories, second by second what a witness would have seen."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest

from tests.builders import KEY
from tests.unit.domain.sla_histories import CHANGES, History, histories
from tests.unit.domain.sla_witness import MARGIN, Witness
from worker.domain.decide import decide
from worker.domain.fold import fold
from worker.domain.ticket import Clock, Ticket
from worker.domain.view import Given

EACH = 2000  # histories of each of five zones
SECOND = timedelta(seconds=1)


def begin_of(history: History, zone: str) -> datetime:
    change = min(CHANGES[zone], key=lambda day: abs(history.happenings[0].at.date() - day))
    return datetime.combine(change, time(), UTC) - MARGIN


def told(clock: Clock, begin: datetime, as_of: datetime) -> dict[str, object]:
    """A held clock in the witness's terms. Whole seconds: a fraction anywhere would not be equal."""

    def second(at: datetime | None) -> float | int | None:
        return None if at is None else (at - begin) / SECOND

    still = sum(((span.end or as_of) - span.start) / SECOND for span in clock.spans if not span.counts)
    return {
        "started": second(clock.started_at),
        "met": second(clock.met_at),
        "policy": clock.policy,
        "target": clock.target_seconds,
        "deadline": second(clock.deadline_at),
        "breached": second(clock.breached_at),
        "paused": clock.paused,
        "counted": sum(span.counted_seconds for span in clock.spans),
        "standing still": still,
        "warned": [(share, second(at)) for share, at in clock.warned],
    }


def lived(history: History, order: Random, stages: int) -> Ticket:
    """The same facts heard in some order, in so many batches, each decided at once."""
    arriving = order.sample(history.facts, len(history.facts))
    cuts = sorted({order.randrange(1, len(arriving) + 1) for _ in range(stages - 1)} | {len(arriving)})
    ticket, known = None, ()
    for cut in cuts:
        heard = (*arriving[:cut], *known)
        decision = decide(ticket, KEY, heard, policy=history.policy, known=Given(), now=history.as_of)
        ticket, known = decision.ticket, (*known, *decision.facts)
    assert ticket is not None
    return ticket


class TestTenThousandHistories:
    @pytest.mark.parametrize("zone", CHANGES)
    def test_every_held_clock_is_what_a_witness_saw(self, zone: str) -> None:
        kinds: set[str] = set()

        for history in histories(zone, EACH, seed=1):
            begin = begin_of(history, zone)
            ticket = fold(KEY, history.facts, history.policy, as_of=history.as_of)
            found = {clock.key: told(clock, begin, history.as_of) for clock in ticket.clocks}

            assert found == Witness(history, begin).live(), history
            kinds.update(found)
            kinds.update(name for clock in found.values() for name in ("breached", "warned", "paused") if clock[name])

        assert {"first_response:1", "next_response:3", "resolution:2", "breached", "warned", "paused"} <= kinds

    @pytest.mark.parametrize("zone", CHANGES)
    def test_any_order_in_any_stages_gives_the_same_clocks(self, zone: str) -> None:
        order = Random(zone)

        for number, history in enumerate(histories(zone, EACH // 20, seed=2)):
            once = fold(KEY, history.facts, history.policy, as_of=history.as_of)
            again = order.choices(history.facts, k=3)
            shuffled = (*order.sample(history.facts, len(history.facts)), *again)

            assert fold(KEY, shuffled, history.policy, as_of=history.as_of).clocks == once.clocks
            assert lived(history, order, stages=1 + number % 4).clocks == once.clocks
