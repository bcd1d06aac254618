"""How much of everything: for a first look, for a coffee break, and for figures to publish."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Times in seconds unless said otherwise. In `rounds` everybody has a turn: when accepting, and in other parts."""

    rounds: int
    other_rounds: int
    connections: tuple[int, ...]
    accept_seconds: float
    paced_rate: float
    paced_seconds: float
    processed: int
    recipe_processed: int
    stored: tuple[int, ...]
    stored_events: int
    pending_timers: int
    due_timers: int
    ticks: int
    memory_minutes: float
    backlog: int
    recipe_backlog: int


QUICK = Sizes(
    rounds=1,
    other_rounds=1,
    connections=(1, 8, 32, 128),
    accept_seconds=0.6,
    paced_rate=150,
    paced_seconds=2,
    processed=1_000,
    recipe_processed=500,
    stored=(1_000, 10_000),
    stored_events=200,
    pending_timers=20_000,
    due_timers=500,
    ticks=100,
    memory_minutes=0.1,
    backlog=1_000,
    recipe_backlog=500,
)
USUAL = Sizes(
    rounds=3,
    other_rounds=2,
    connections=(1, 8, 32, 128),
    accept_seconds=2,
    paced_rate=150,
    paced_seconds=6,
    processed=4_000,
    recipe_processed=2_000,
    stored=(1_000, 10_000, 100_000),
    stored_events=400,
    pending_timers=1_000_000,
    due_timers=10_000,
    ticks=400,
    memory_minutes=0.5,
    backlog=10_000,
    recipe_backlog=4_000,
)
FULL = Sizes(
    rounds=5,
    other_rounds=3,
    connections=(1, 8, 32, 128),
    accept_seconds=5,
    paced_rate=150,
    paced_seconds=60,
    processed=30_000,
    recipe_processed=10_000,
    stored=(1_000, 10_000, 100_000, 1_000_000),
    stored_events=1_000,
    pending_timers=1_000_000,
    due_timers=10_000,
    ticks=1_200,
    memory_minutes=60,
    backlog=100_000,
    recipe_backlog=100_000,
)
