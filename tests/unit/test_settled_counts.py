"""What a committed decision adds to the counters, by the names of its events."""

from __future__ import annotations

import pytest

from worker import metrics
from worker.settling import Settled


def value(name: str, **labels: str) -> float:
    found = metrics.REGISTRY.get_sample_value(f"hookdesk_{name}_total", labels)
    return 0.0 if found is None else found


class TestCount:
    @pytest.mark.parametrize(
        ("event", "name", "labels"),
        [
            ("ticket.escalated", "escalations", {}),
            ("sla.breached:first_response", "sla_breaches", {"kind": "first_response"}),
            ("csat.asked", "csat_sent", {}),
            ("csat.answered", "csat_responses", {"outcome": "recorded"}),
        ],
    )
    def test_each_of_these_events_counts_once(self, event: str, name: str, labels: dict[str, str]) -> None:
        before = value(name, **labels)

        Settled(events=(event, "ticket.created", event)).count()

        assert value(name, **labels) == before + 2
