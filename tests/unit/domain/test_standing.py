"""How a ticket stands with what was promised."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import KEY, at
from worker.domain.standing import standing
from worker.domain.ticket import Clock, Ticket


def a_clock(**given: Any) -> Clock:
    defaults: dict[str, Any] = {
        "metric": "first_response", "ordinal": 1, "policy": "standard", "target_seconds": 3600.0, "started_at": at(0),
        "deadline_at": at(60), "met_at": None, "breached_at": None, "paused": False,
    }  # fmt: skip
    return Clock(**{**defaults, **given})


WARNED_50 = ((50, at(30)),)
WARNED_80 = ((50, at(30)), (80, at(48)))


class TestStanding:
    @pytest.mark.parametrize(
        ("clocks", "word"),
        [
            ((), ""),
            ((a_clock(),), ""),
            ((a_clock(warned=WARNED_50),), ""),
            ((a_clock(warned=WARNED_80),), "at_risk"),
            ((a_clock(warned=WARNED_50, at_risk_from=50),), "at_risk"),
            ((a_clock(warned=WARNED_80, at_risk_from=90),), ""),
            ((a_clock(warned=((75, at(45)),)),), "at_risk"),  # kept before a clock knew its policy's shares
            ((a_clock(warned=WARNED_80, paused=True),), ""),
            ((a_clock(warned=WARNED_80, met_at=at(50)),), ""),
            ((a_clock(warned=WARNED_80, breached_at=at(60)),), "breached"),
            ((a_clock(breached_at=at(60), met_at=at(70)),), ""),
            ((a_clock(warned=WARNED_80), a_clock(metric="resolution", breached_at=at(60))), "breached"),
        ],
    )
    def test_the_worst_of_what_is_unmet(self, clocks: tuple[Clock, ...], word: str) -> None:
        ticket = Ticket(KEY, at(0), at(0), clocks=clocks)

        assert standing(ticket).value == word
