"""The desk under the nemesis tells the same story as the one without faults, however late it is."""

from __future__ import annotations

from tests.integration.chaos.desk import SupportDesk
from tests.integration.chaos.script import Step
from worker.practice.server import PracticeChatwoot

NOBODY_KEEPS_UP = 1e6  # steps a second


class Noting(SupportDesk):
    """Notes in which milliseconds each step began and ended."""

    def __init__(self, practice: PracticeChatwoot, seed: int) -> None:
        super().__init__(practice, seed)
        self.began: list[int] = []
        self.ended: list[int] = []

    def _act(self, step: Step) -> None:
        self.began.append(self.practice.world.tick() // 1000)
        super()._act(step)
        self.ended.append(self.practice.world.tick() // 1000)


def test_a_desk_that_is_late_takes_no_two_steps_in_one_millisecond() -> None:
    desk = Noting(PracticeChatwoot(), seed=1)

    desk.act(count=60, per_second=NOBODY_KEEPS_UP)

    assert all(began > ended for began, ended in zip(desk.began[1:], desk.ended, strict=False))
