"""Names of effects on other sides: repetitions share them, nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from worker.domain.effects import EffectKind
from worker.performers.identity import lasting
from worker.store.effects import ClaimedEffect

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FIRST = ClaimedEffect(4, 9, EffectKind.EVENT, "crm:x", {}, 1, "token", NOON, NOON, maybe_done=False)


class TestLasting:
    def test_a_later_try_has_the_same(self):
        later = replace(FIRST, attempts=3, claim="other", first_tried_at=NOON + timedelta(hours=1), maybe_done=True)

        assert lasting(later) == lasting(FIRST)
        assert lasting(FIRST).startswith("e4_")

    def test_the_same_number_in_a_new_database_has_another(self):
        anew = replace(FIRST, created_at=NOON + timedelta(days=1))

        assert lasting(anew) != lasting(FIRST)

    def test_so_does_another_effect_and_another_part(self):
        assert len({lasting(FIRST), lasting(replace(FIRST, id=5)), lasting(FIRST, "lead@desk.example")}) == 3
