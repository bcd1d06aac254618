"""The thread that makes groups."""

from __future__ import annotations

import threading

from tests.unit.webhooks.world import wait_until
from webhooks.batcher import Batcher, Baton


class Groups:
    """Remembers groups; the first waits until `gate` opens, so that the others gather."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.gate, self.begun = threading.Event(), threading.Event()

    def __call__(self, group: list[int]) -> None:
        self.begun.set()
        self.gate.wait(5)
        self.seen.append(group)
        if 13 in group:
            raise RuntimeError("unlucky")


def gathered(*numbers: int, **limits: int) -> list[list[int]]:
    groups = Groups()
    batcher: Batcher[int] = Batcher(groups, name="test", weigh=lambda number: number, **limits)
    batcher.start()
    batcher.put(0)
    groups.begun.wait(5)
    for number in numbers:
        batcher.put(number)
    groups.gate.set()
    assert batcher.close()
    return groups.seen[1:]


class TestBatcher:
    def test_what_gathers_goes_together_and_closing_takes_everything(self) -> None:
        assert gathered(1, 2, 3) == [[1, 2, 3]]

    def test_groups_are_bounded_in_number(self) -> None:
        assert gathered(1, 1, 1, 1, 1, most=2) == [[1, 1], [1, 1], [1]]

    def test_groups_are_bounded_in_weight(self) -> None:
        assert gathered(5, 5, 5, weight=10) == [[5, 5], [5]]

    def test_the_heavy_go_alone_and_in_order(self) -> None:
        assert gathered(1, 50, 60, 2, 3, alone=10) == [[1], [50], [60], [2, 3]]

    def test_an_error_of_the_handler_does_not_end_it(self) -> None:
        assert gathered(13, 1, 2, alone=10) == [[13], [1, 2]]

    def test_it_ticks_while_nothing_comes(self) -> None:
        ticks: list[int] = []

        def tick() -> float:
            ticks.append(1)
            return 0.001

        batcher: Batcher[int] = Batcher(lambda group: None, name="test", weigh=lambda number: number, idle=tick)
        batcher.start()

        wait_until(lambda: len(ticks) > 3)
        assert batcher.close()

    def test_one_that_was_never_started_can_be_closed(self) -> None:
        batcher: Batcher[int] = Batcher(lambda group: None, name="test", weigh=lambda number: number)

        assert batcher.close()


class TestBaton:
    def test_it_is_passed_once(self) -> None:
        baton = Baton()
        assert not baton.wait(0.001)

        baton.give()

        assert baton.wait(0.001)
        assert not baton.wait(0.001)
