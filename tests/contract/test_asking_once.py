"""A customer whose tickets are resolved together is asked about one of them, however many fire at once."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.contract.builders import a_key
from tests.contract.life import Life, a_request, a_state, an_answer, at
from worker.clock import ManualClock
from worker.domain.effects import EffectKind
from worker.domain.facts import Person
from worker.firing import fire_due
from worker.policy_file import load_policy
from worker.store import tickets
from worker.store.database import Database
from worker.store.effects import list_effects

NUMBERS = (1, 2, 3)


def resolved(life: Life, n: int, who: Person) -> None:
    life.hear(a_state(0, requester=who), a_request(n, id=f"m{n}", by=who), key=a_key(n), now=5)
    life.hear(an_answer(6), a_state(10, "resolved", requester=who), key=a_key(n), now=11)


@pytest.mark.parametrize(("same", "asked"), [(True, 1), (False, 3)])
def test_in_one_batch(db: Database, clock: ManualClock, tmp_path: Path, same: bool, asked: int) -> None:
    policy = load_policy(None)
    life = Life.begun(db, clock, policy, tmp_path)
    for n in NUMBERS:
        who = Person("41", "Lena") if same else Person(str(40 + n), f"Customer {n}")
        resolved(life, n, who)

    life.move_to(at(10) + policy.csat.delay)
    fire_due(life.desk, seconds=5)

    assert len(list_effects(db, kind=EffectKind.SURVEY)) == asked
    assert sum(len(life.events("csat.cancelled", n)) for n in NUMBERS) == len(NUMBERS) - asked


def test_by_two_at_once(db: Database, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have decided, each about a ticket of the customer, before either has committed."""
    if db.is_sqlite:
        return  # one writer at a time
    policy = load_policy(None)
    life = Life.begun(db, clock, policy, tmp_path)
    for n in NUMBERS[:2]:
        resolved(life, n, Person("41", "Lena"))
    life.move_to(at(10) + policy.csat.delay)
    both = threading.Barrier(2, timeout=30)
    first_look = {"left": 2}
    hold = tickets.hold_customers

    def hold_together(conn: Connection, names: Collection[int | str]) -> None:
        if first_look["left"] > 0:
            first_look["left"] -= 1
            both.wait()
        hold(conn, names)

    monkeypatch.setattr(tickets, "hold_customers", hold_together)
    firing = [threading.Thread(target=fire_due, args=(life.desk,), kwargs={"seconds": 5, "batch": 1}) for _ in range(2)]
    for thread in firing:
        thread.start()
    for thread in firing:
        thread.join(60)

    assert first_look["left"] == 0
    assert len(list_effects(db, kind=EffectKind.SURVEY)) == 1
    assert [len(life.events("csat.cancelled", n)) for n in NUMBERS[:2]] in ([0, 1], [1, 0])
