"""One SLA clock told to people and programs: how it stands, and each stretch of it with what was not counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from worker.cli.output import cell, span
from worker.domain import calendar as hours_of
from worker.domain.policy import Calendar, Policy
from worker.domain.skipped import Skipped, skipped
from worker.domain.wording import hours

if TYPE_CHECKING:
    from worker.domain.ticket import Clock, Span

PAUSES = {
    "waiting_for_customer": "waiting for the customer",
    "with_bot": "with the bot",
    "snoozed": "snoozed",
    "resolved": "resolved",
}
"""Why a clock stands still, by the word of its span."""
_WHY = {"running": "counts", **{word: f"paused: {why}" for word, why in PAUSES.items()}}
_MOST_HOLIDAYS = 20  # of one clock that are told by name
RANKS = ("at risk", "breached", "running", "paused", "met")
"""What needs somebody first comes first."""


def rank(clock: Clock) -> tuple[int, datetime]:
    """The order of a list of clocks: by `RANKS`, then by deadline."""
    word = "met" if clock.met_at is not None else standing_word(clock)
    return RANKS.index(word), clock.deadline_at or clock.started_at


def standing_word(clock: Clock) -> str:
    """One of `RANKS`; a clock that was met late stays breached."""
    if clock.breached_at is not None:
        return "breached"
    if clock.met_at is not None:
        return "met"
    if clock.paused:
        return "paused"
    return "at risk" if clock.at_risk else "running"


def sentence(clock: Clock) -> str:
    """How it stands, with the time that matters."""
    if clock.met_at is not None:
        late = f", after the deadline {cell(clock.deadline_at)}" if clock.breached_at else ""
        return f"met at {cell(clock.met_at)}{late}"
    if clock.breached_at is not None:
        return f"breached at {cell(clock.breached_at)}"
    if clock.paused:
        return "paused; the deadline moves until it runs again"
    return f"due at {cell(clock.deadline_at)}" if clock.deadline_at else "running, no end in sight"


def counted_on(clocks: Sequence[Clock], policy: Policy | None, now: datetime) -> tuple[Clock, ...]:
    """The same, what they count going on from the last decision to now; where the calendar that counted is not known
    any more, they are told as of that decision."""
    known = {clock.key: calendar_of(clock, policy) for clock in clocks} if policy is not None else {}
    return tuple(_counted_on(clock, known.get(clock.key), now) for clock in clocks)


def _counted_on(clock: Clock, calendar: Calendar | None, now: datetime) -> Clock:
    last = clock.spans[-1] if clock.spans else None
    if last is None or last.end is not None or not last.counts:
        return clock
    if calendar is not None:
        going_on = replace(last, counted_seconds=hours_of.counted(calendar, last.start, now))
    else:
        going_on = replace(last, end=last.start + timedelta(seconds=last.counted_seconds))
    return replace(clock, spans=(*clock.spans[:-1], going_on))


def calendar_of(clock: Clock, policy: Policy) -> Calendar | None:
    """The calendar that counted it; None when its SLA policy is not in the file any more."""
    from worker.domain.sla import content_hash

    return next((each.calendar for each in policy.sla if content_hash(each) == clock.policy_hash), None)


def shape(clock: Clock, now: datetime) -> dict[str, Any]:
    """Its JSON."""
    counted, paused, closed = _sums(clock, now)
    return {
        "metric": clock.metric,
        "ordinal": clock.ordinal,
        "policy": clock.policy,
        "policy_hash": clock.policy_hash,
        "standing": standing_word(clock),
        "target_seconds": clock.target_seconds,
        "counted_seconds": counted,
        "paused_seconds": paused,
        "outside_hours_seconds": closed,
        "remaining_seconds": clock.target_seconds - counted,
        "started_at": clock.started_at,
        "deadline_at": clock.deadline_at,
        "warned": [{"share": share, "at": at} for share, at in clock.warned],
        "met_at": clock.met_at,
        "breached_at": clock.breached_at,
        "paused": clock.paused,
    }


def stretches(clock: Clock, calendar: Calendar | None, now: datetime) -> Iterator[dict[str, Any]]:
    """Each span with what of it counts, and for what reason the rest does not."""
    for each in clock.spans:
        end = each.end or now
        left_out = skipped(calendar, each.start, end) if calendar is not None and each.counts else None
        yield {
            "start": each.start,
            "end": each.end,
            "seconds": (end - each.start).total_seconds(),
            "counts": each.counts,
            "why": each.why,
            "counted_seconds": each.counted_seconds,
            "outside_hours_seconds": left_out.outside_hours.total_seconds() if left_out is not None else 0.0,
            "holidays": [
                {"date": day.isoformat(), "seconds": lost.total_seconds()}
                for day, lost in (left_out.holidays if left_out is not None else ())
            ],
            "explanation": _explanation(each, left_out, calendar),
        }


def sums(clock: Clock, now: datetime) -> str:
    """Counted, paused and closed added up, against the target."""
    counted, paused, closed = _sums(clock, now)
    left = clock.target_seconds - counted
    rest = f"{hours(-left)} too many" if left < 0 else f"{hours(left)} left"
    met = " when it was met" if clock.met_at is not None else ""
    parts = [f"counted {hours(counted)}", f"paused {hours(paused)}"]
    parts += [f"outside business hours {hours(closed)}"] if closed else []
    return f"sum: {', '.join(parts)}; promised {hours(clock.target_seconds)}, {rest}{met}"


def _sums(clock: Clock, now: datetime) -> tuple[float, float, float]:
    """Seconds counted, paused, and outside the calendar's hours while it was not paused."""
    counted = sum(each.counted_seconds for each in clock.spans)
    running = sum(_seconds(each, now) for each in clock.spans if each.counts)
    paused = sum(_seconds(each, now) for each in clock.spans if not each.counts)
    return counted, paused, max(0.0, running - counted)


def _seconds(each: Span, now: datetime) -> float:
    return ((each.end or now) - each.start).total_seconds()


def holidays_of(rows: list[dict[str, Any]], calendar: Calendar, names: dict[str, str]) -> Iterator[str]:
    """A sentence for each holiday that was skipped; `names` by date."""
    skipped_days = [each for row in rows for each in row["holidays"]]
    for each in skipped_days[:_MOST_HOLIDAYS]:
        name = f" ({names[each['date']]})" if each["date"] in names else ""
        lost = f"{hours(each['seconds'])} of its hours do not count"
        yield f"{each['date']} is a holiday in calendar {calendar.name}{name}: {lost}"
    if len(skipped_days) > _MOST_HOLIDAYS:
        yield f"and {len(skipped_days) - _MOST_HOLIDAYS} holidays more"


def _explanation(each: Span, left_out: Skipped | None, calendar: Calendar | None) -> str:
    told = _WHY.get(each.why, each.why)
    if left_out is None or calendar is None:
        return told
    parts = []
    if left_out.outside_hours.total_seconds() >= 1:
        parts.append(f"{span(left_out.outside_hours.total_seconds())} outside the hours of calendar {calendar.name}")
    if left_out.holidays:
        lost = sum(time_lost.total_seconds() for _, time_lost in left_out.holidays)
        count = len(left_out.holidays)
        parts.append(f"{hours(lost)} on {count} holiday{'s' if count > 1 else ''}")
    if not parts:
        return told
    return f"counts, except {' and '.join(parts)}" if each.counted_seconds else f"paused: {' and '.join(parts)}"
