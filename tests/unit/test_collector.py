from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from worker.collector import YOUNG, leave_what_stands


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


class TestLeaveWhatStands:
    def test_what_was_made_before_is_not_looked_at_again(self) -> None:
        cycle: list[object] = []
        cycle.append(cycle)

        leave_what_stands()

        assert gc.get_freeze_count() > 1000
        assert not any(each is cycle for each in gc.get_objects())

    def test_what_is_made_later_is_still_collected_but_more_seldom(self) -> None:
        leave_what_stands()
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle

        assert gc.collect() >= 1
        assert gc.get_threshold()[0] == YOUNG == 20_000
