"""Priority: a score of 0 to 100 from the rules that fired, and the word it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.matching import found, named
from worker.domain.policy import ScoreRule

PRIORITIES = ("low", "medium", "high", "urgent")

THRESHOLDS = ((75, "urgent"), (50, "high"), (25, "medium"), (0, "low"))
"""From this score on, this priority."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What score rules look at; `prose` is made by `matching.prose`."""

    prose: str
    channel: str
    tier: str | None
    reopen_count: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Priority:
    """The word, the score, and each rule with its points."""

    name: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A priority that somebody or something set, in words; `is_least` leaves a higher one of the score standing.

    `unwritten` is the key of the escalation that thought it was there already, so that the source was not told.
    """

    name: str
    why: str
    is_least: bool = False
    unwritten: str = ""


def is_lower(one: str, other: str) -> bool:
    """Of two of PRIORITIES."""
    return PRIORITIES.index(one) < PRIORITIES.index(other)


def prioritise(rules: tuple[ScoreRule, ...], seen: Circumstances, *, given: Given | None, as_of: datetime) -> Priority:
    """A priority that was set wins; the score is told all the same."""
    score = 0
    reasons: list[str] = []
    for rule in rules:
        words = found(rule.words, seen.prose) if rule.words else ()
        if (words or not rule.words) and _fires(rule, seen, as_of):
            score += rule.points
            matched = f" ({', '.join(words)})" if words else ""
            reasons.append(f"{rule.name} {rule.points:+d}{matched}")
    score = max(0, min(100, score))
    scored = of_score(score)
    if given is not None and not (given.is_least and PRIORITIES.index(scored) >= PRIORITIES.index(given.name)):
        return Priority(given.name, score, (f"priority {given.name} was {given.why}", *reasons))
    return Priority(scored, score, tuple(reasons))


def of_score(score: int) -> str:
    """The priority a score stands for."""
    return next(name for least, name in THRESHOLDS if score >= least)


def looks(
    rules: tuple[ScoreRule, ...], *, score: int, waiting_since: datetime, as_of: datetime
) -> Iterator[tuple[str, datetime]]:
    """When waiting alone may change the priority: the rule and the time. One look too many does no harm."""
    for rule in sorted((rule for rule in rules if rule.min_waiting is not None), key=_patience):
        at = waiting_since + _patience(rule)
        if at > as_of:
            if of_score(min(100, score + rule.points)) != of_score(score):
                yield rule.name, at
            score = min(100, score + rule.points)


def _patience(rule: ScoreRule) -> timedelta:
    return rule.min_waiting or timedelta(0)


def _fires(rule: ScoreRule, seen: Circumstances, as_of: datetime) -> bool:
    """Whether all it asks for is so, its words apart."""
    waited = rule.min_waiting
    if waited is not None and (seen.waiting_since is None or as_of - seen.waiting_since < waited):
        return False
    is_back = seen.reopen_count >= rule.min_reopens
    return is_back and named(rule.channels, seen.channel) and named(rule.tiers, seen.tier)
