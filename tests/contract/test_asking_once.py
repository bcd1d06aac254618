"""A customer whose tickets are resolved together is asked about one of them, however many fire at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.builders import a_key
from tests.contract.life import Life, a_request, a_state, an_answer, at
from worker.clock import ManualClock
from worker.domain.effects import EffectKind
from worker.domain.facts import Person
from worker.firing import fire_due
from worker.policy_file import load_policy
from worker.store.database import Database
from worker.store.effects import list_effects

NUMBERS = (1, 2, 3)


@pytest.mark.parametrize(("same", "asked"), [(True, 1), (False, 3)])
def test_in_one_batch(db: Database, clock: ManualClock, tmp_path: Path, same: bool, asked: int) -> None:
    policy = load_policy(None)
    life = Life.begun(db, clock, policy, tmp_path)
    for n in NUMBERS:
        who = Person("41", "Lena") if same else Person(str(40 + n), f"Customer {n}")
        life.hear(a_state(0, requester=who), a_request(n, id=f"m{n}", by=who), key=a_key(n), now=5)
        life.hear(an_answer(6), a_state(10, "resolved", requester=who), key=a_key(n), now=11)

    life.move_to(at(10) + policy.csat.delay)
    fire_due(life.desk, seconds=5)

    assert len(list_effects(db, kind=EffectKind.SURVEY)) == asked
    assert sum(len(life.events("csat.cancelled", n)) for n in NUMBERS) == len(NUMBERS) - asked
