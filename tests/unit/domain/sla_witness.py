"""A third opinion on SLA clocks, for thousands of whole histories: it lives through what happened, one by one.

It shares neither code nor idea with worker.domain: no facts, no fold, no intervals to merge, no arithmetic on weeks. Of
a calendar it asks the wall clock every five minutes whether it is open, once for a whole season, and then only counts.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate

from tests.unit.domain.sla_histories import PRIORITIES, History
from tests.unit.domain.sla_oracle import is_open
from worker.domain.policy import Calendar, SlaPolicy

GRAIN = 300  # seconds; windows, holidays and offsets change on multiples of five minutes
SEASON = timedelta(days=75)
MARGIN = timedelta(days=10)


@dataclass
class Seen:
    """What one clock should say; times in seconds since the beginning of the season."""

    metric: str
    ordinal: int
    started: int
    met: int | None = None
    parts: list[tuple[int, int, str, str]] = field(default_factory=list)  # from, to, why, why when silence counts
    met_under: str = ""  # the priority when it was met
    broken_under: str = ""  # the priority when it was broken, if another one came later

    @property
    def key(self) -> str:
        return f"{self.metric}:{self.ordinal}"


class Season:
    """The open seconds of a calendar, five minutes by five minutes."""

    def __init__(self, calendar: Calendar, begin: datetime) -> None:
        grains = range(int(SEASON.total_seconds()) // GRAIN)
        open_now = [is_open(calendar, begin + timedelta(seconds=GRAIN * n)) for n in grains]
        self._open = open_now
        self._before = list(accumulate((GRAIN * each for each in open_now), initial=0))

    def counted(self, start: int, end: int) -> int:
        return max(0, self._until(end) - self._until(start))

    def reached(self, start: int, needed: int) -> int:
        """When so much more has been counted; the first such second."""
        if needed <= 0:
            return start
        wanted = self._until(start) + needed
        after = bisect_left(self._before, wanted)  # the first grain's end with that much
        return GRAIN * (after - 1) + wanted - self._before[after - 1]

    def _until(self, at: int) -> int:
        grain, rest = divmod(at, GRAIN)
        return self._before[grain] + (rest if self._open[grain] else 0)


@lru_cache(maxsize=64)
def season(calendar: Calendar, begin: datetime) -> Season:
    return Season(calendar, begin)


class Witness:
    """Watches one history and answers what each clock should hold."""

    def __init__(self, history: History, begin: datetime) -> None:
        self.history, self.begin = history, begin
        self.status, self.priority, self.silent = "open", "low", False
        self.clocks: list[Seen] = []
        self.waiting: Seen | None = None
        self.resolution = Seen("resolution", 1, self._second(history.happenings[0].at))
        self.clocks.append(self.resolution)
        self.responses = 0
        self.resolved_at = 0
        self.now = self.resolution.started

    def live(self) -> dict[str, dict[str, object]]:
        """From the first happening to `as_of`; then what each clock says."""
        for one in self.history.happenings:
            self._pass(self._second(one.at))
            getattr(self, f"_{one.what}")(one.word)
        self._pass(self._second(self.history.as_of))
        return {seen.key: told for seen in self.clocks if (told := self._tell(seen))}

    def _second(self, at: datetime) -> int:
        return int((at - self.begin).total_seconds())

    def _pass(self, until: int) -> None:
        """Nothing happens until then."""
        plain = {"open": "running", "pending": "with_bot"}.get(self.status, self.status)
        silence = "waiting_for_customer" if plain == "running" and self.silent else plain
        for seen in (self.waiting, self.resolution):
            if seen is not None and seen.met is None and until > self.now:
                is_resolution = seen is self.resolution
                seen.parts.append((self.now, until, plain, silence if is_resolution else plain))
        self.now = until

    def _asks(self, _: str) -> None:
        if self.status == "resolved":
            self._open_again()
        if self.status == "snoozed":
            self.status = "open"
        self.silent = False
        if self.waiting is None:
            metric = "next_response" if self.responses else "first_response"
            self.waiting = Seen(metric, max(1, self.responses), self.now)
            self.clocks.append(self.waiting)
            self.responses += 1

    def _answers(self, _: str) -> None:
        self.silent = True
        self.responses = max(1, self.responses)  # whoever speaks first owes no first response
        self._meet_waiting()

    def _snoozes(self, _: str) -> None:
        self.status = "snoozed"

    def _wakes(self, _: str) -> None:
        self.status = "open"

    def _to_bot(self, _: str) -> None:
        self.status = "pending"

    def _resolves(self, _: str) -> None:
        self.status, self.resolved_at = "resolved", self.now
        self.resolution.met, self.resolution.met_under = self.now, self.priority
        self._keep_if_broken(self.resolution)  # it may be reopened, with another priority
        self._meet_waiting()

    def _reopens(self, _: str) -> None:
        self._open_again()

    def _sets(self, word: str) -> None:
        self._look_for_broken()
        self.priority = word

    def _raises(self, word: str) -> None:
        self._look_for_broken()
        self.priority = max(self.priority, word, key=PRIORITIES.index)

    def _look_for_broken(self) -> None:
        """What is broken before the priority changes stays so."""
        for seen in self.clocks:
            if seen.met is None:
                self._keep_if_broken(seen)

    def _keep_if_broken(self, seen: Seen) -> None:
        if not seen.broken_under and self._tell(seen).get("breached") is not None:
            seen.broken_under = self.priority

    def _meet_waiting(self) -> None:
        if self.waiting is not None:
            self.waiting.met, self.waiting.met_under, self.waiting = self.now, self.priority, None

    def _open_again(self) -> None:
        rules = self.history.policy.reopen
        is_within = self.now - self.resolved_at <= rules.window.total_seconds()
        self.status = "open"
        if (rules.clocks_within if is_within else rules.clocks_later) == "restart":
            self.resolution = Seen("resolution", self.resolution.ordinal + 1, self.now)
            self.clocks.append(self.resolution)
        else:
            self.resolution.met = None
            if self.now > self.resolved_at:
                self.resolution.parts.append((self.resolved_at, self.now, "resolved", "resolved"))

    def _tell(self, seen: Seen) -> dict[str, object]:
        pressing, usual = self.history.policy.sla
        priority = seen.broken_under or (self.priority if seen.met is None else seen.met_under)
        policy = pressing if priority in pressing.priorities else usual
        target = getattr(policy, seen.metric)
        if target is None:
            return {}
        seconds = int(target.total_seconds())
        parts = [(start, end, silent if policy.pause_while_waiting_for_customer else why)
                 for start, end, why, silent in seen.parts]  # fmt: skip
        open_time = season(policy.calendar, self.begin)
        counted = sum(open_time.counted(start, end) for start, end, why in parts if why == "running")
        deadline = self._reached(seen, policy, parts, seconds)
        shares = [(share, self._reached(seen, policy, parts, seconds * share // 100)) for share in policy.warn_at]
        return {
            "started": seen.started,
            "met": seen.met,
            "policy": policy.name,
            "target": seconds,
            "deadline": deadline,
            "breached": deadline if self._is_over(deadline, seen) else None,
            "paused": seen.met is None and self._stands(seen, policy),
            "counted": counted,
            "standing still": sum(end - start for start, end, why in parts if why != "running"),
            "warned": [(share, at) for share, at in shares if self._is_over(at, seen)],
        }

    def _reached(self, seen: Seen, policy: SlaPolicy, parts: list[tuple[int, int, str]], needed: int) -> int | None:
        open_time = season(policy.calendar, self.begin)
        for start, end, why in parts:
            available = open_time.counted(start, end) if why == "running" else 0
            if why == "running" and available >= needed:
                return open_time.reached(start, needed)
            needed -= available
        if seen.met is None and self._stands(seen, policy):
            return None
        return open_time.reached(self.now if seen.met is None else seen.met, needed)

    def _stands(self, seen: Seen, policy: SlaPolicy) -> bool:
        """Whether an unmet clock stands still now."""
        is_silent = seen.metric == "resolution" and self.silent and policy.pause_while_waiting_for_customer
        return self.status != "open" or is_silent

    def _is_over(self, at: int | None, seen: Seen) -> bool:
        return at is not None and (at <= self.now if seen.met is None else at < seen.met)
