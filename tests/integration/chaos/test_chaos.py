"""A short run on each store: a fixed seed, more than twenty kills, and everything else that can go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.chaos.run import Job, run
from tests.postgres import require_binaries

SEED, EVENTS, KILLS = 20_261, 1_500, 28


class TestChaos:
    @pytest.mark.slow
    @pytest.mark.timeout(420)
    @pytest.mark.parametrize("store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
    def test_nothing_is_lost_or_doubled(self, store: str, broker_kind: str, tmp_path: Path) -> None:
        if store == "postgresql":
            require_binaries()

        result = run(Job(store, SEED, EVENTS, KILLS, broker=broker_kind), tmp_path / "run")

        assert not result.violations, result.story()
        assert result.figures["events"] >= EVENTS
        assert sum(count for name, count in result.counts.items() if name.startswith("kill ")) >= 20
        assert result.figures["differences"] == 0
        assert result.figures["looks at the ledger"] > 10
