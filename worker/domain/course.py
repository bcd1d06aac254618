"""The course of a clock under one policy: when it ran and stood still, what it counted, and when that was too much."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from worker.domain import calendar
from worker.domain.policy import Calendar, SlaPolicy
from worker.domain.ticket import Clock, Span
from worker.domain.timeline import RUNNING, Change, Wait

Spans = tuple[Span, ...]
NEVER_AT_RISK = 100  # percent: a policy that does not warn only knows kept and broken


@dataclass(frozen=True, slots=True)
class Promise:
    """One wait under one policy: what is needed to tell whether it was broken, before all the rest is told."""

    wait: Wait
    policy: SlaPolicy
    target: timedelta
    spans: Spans
    due: datetime | None
    as_of: datetime

    @property
    def broken_at(self) -> datetime | None:
        """The deadline, if it passed unmet."""
        return self.due if self._is_over(self.due) else None

    def clock(self, metric: str, ordinal: int) -> Clock:
        """The same as a clock of the ticket, with the warnings given."""
        started_at, met_at = self.wait
        return Clock(
            metric=metric,
            ordinal=ordinal,
            policy=self.policy.name,
            target_seconds=self.target.total_seconds(),
            started_at=started_at,
            deadline_at=self.due,
            met_at=met_at,
            breached_at=self.broken_at,
            paused=met_at is None and not self.spans[-1].counts,
            policy_hash=content_hash(self.policy),
            spans=self.spans,
            warned=tuple(self._warned()),
            at_risk_from=max(self.policy.warn_at, default=NEVER_AT_RISK),
        )

    def _warned(self) -> Iterator[tuple[int, datetime]]:
        used = sum((timedelta(seconds=span.counted_seconds) for span in self.spans), start=timedelta(0))
        for share in self.policy.warn_at:
            needed = part(self.target, share)
            if used >= needed:
                at = due(self.spans, self.policy.calendar, needed, met_at=self.wait[1])
                if at is not None and self._is_over(at):
                    yield share, at

    def _is_over(self, at: datetime | None) -> bool:
        """Whether this moment came before the clock was met, as far as we are now."""
        met_at = self.wait[1]
        return at is not None and (at <= self.as_of if met_at is None else at < met_at)


@dataclass(frozen=True, slots=True)
class Course:
    """What all clocks of one kind share: when running and pausing alternate, and until when to count."""

    changes: Sequence[Change]
    as_of: datetime
    _known: dict[tuple[Calendar, Wait], Spans] = field(default_factory=dict)

    def promise(self, wait: Wait, policy: SlaPolicy, target: timedelta) -> Promise:
        """What was promised for this wait."""
        hours = policy.calendar
        spans = self._known.get((hours, wait))
        if spans is None:  # else another policy with the same hours was asked about it before
            spans = self._known[hours, wait] = tuple(self._spans(hours, *wait))
        return Promise(wait, policy, target, spans, due(spans, hours, target, met_at=wait[1]), self.as_of)

    def _spans(self, hours: Calendar, start: datetime, met_at: datetime | None) -> Iterator[Span]:
        known = bisect_right(self.changes, start, key=lambda change: change[0])
        why = self.changes[known - 1][1] if known else RUNNING
        for at, following in self.changes[known:]:
            if met_at is not None and at >= met_at:
                break
            yield self._span(hours, start, at, why)
            start, why = at, following
        yield self._span(hours, start, met_at, why)

    def _span(self, hours: Calendar, start: datetime, end: datetime | None, why: str) -> Span:
        if why != RUNNING:
            return Span(start=start, end=end, counts=False, why=why, counted_seconds=0.0)
        seconds = calendar.counted(hours, start, self.as_of if end is None else end)
        return Span(start=start, end=end, counts=True, why=why, counted_seconds=seconds)


def due(spans: Spans, hours: Calendar, needed: timedelta, *, met_at: datetime | None) -> datetime | None:
    """When the running spans have used up what is needed; a met clock goes on where it stopped, a paused one cannot."""
    for span in spans:
        if span.counts:
            used = timedelta(seconds=span.counted_seconds)
            if span is spans[-1] or used >= needed:
                return calendar.deadline(hours, span.start, needed)
            needed -= used
    return None if met_at is None else calendar.deadline(hours, met_at, needed)


def part(target: timedelta, share: int) -> timedelta:
    """A share of the target, in percent."""
    return target * share / 100


@lru_cache(maxsize=256)
def content_hash(policy: SlaPolicy) -> str:
    """What a clock keeps of the policy and the calendar that judged it: twelve hex digits."""
    hours = policy.calendar
    content = (replace(policy, calendar=replace(hours, holidays=frozenset())), sorted(hours.holidays))
    return sha256(repr(content).encode()).hexdigest()[:12]
