"""When a failed try is tried again: one table of schedules and one pure function that decides.

The table is the whole policy: `runbooks/retry-policy.md` is generated from it. The waits are tenacity strategies
whose random draw is an argument, so that a schedule can be tested without jitter and its bounds with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tenacity import RetryCallState, Retrying, wait_chain
from tenacity.wait import wait_base

from worker.errors import AccessError, Gone, PermanentError, TransientError

LONGEST_HINT = 3600.0
"""A Retry-After beyond an hour is taken for an hour, where the schedule says nothing else."""
CROWDED_FLOOR = 60.0
"""After an answer that means "too much" the wait is at least this long: Chatwoot's limit counts by the clock minute."""
UPWARD = 0.2
"""After a hint the jitter only adds: coming back earlier than asked would be rude, and useless."""
STORE_AWAY = "store_away"
UNEXPECTED = "error"


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after `seconds`. `uses_try` is false when the failure says nothing about the work itself."""

    seconds: float
    cause: str
    uses_try: bool = True


@dataclass(frozen=True, slots=True)
class Bury:
    """Stop: a dead letter with this cause."""

    cause: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop: there is nothing left to do it for."""

    cause: str


Verdict = RetryIn | Bury | Cancel


@dataclass(frozen=True, slots=True)
class Jitter:
    """Spreads a nominal wait over `low`..`high` times itself; `neutral` is the draw that leaves it as it is."""

    name: str
    low: float
    high: float
    neutral: float

    def spread(self, seconds: float, draw: float) -> float:
        """The wait for a draw between 0 and 1."""
        return seconds * (self.low + (self.high - self.low) * draw)


EQUAL = Jitter("half fixed, half random", low=0.5, high=1.0, neutral=1.0)
TWENTY = Jitter("±20 %", low=0.8, high=1.2, neutral=0.5)


@dataclass(frozen=True, slots=True)
class Wait:
    """One pause of a schedule, before its jitter."""

    seconds: float
    jitter: Jitter


class DrawnWait(wait_base):
    """A tenacity wait of one pause, with the random draw given from outside (None: no jitter)."""

    def __init__(self, wait: Wait, draw: float | None) -> None:
        self._wait, self._draw = wait, draw

    def __call__(self, retry_state: RetryCallState) -> float:
        jitter = self._wait.jitter
        return jitter.spread(self._wait.seconds, jitter.neutral if self._draw is None else self._draw)


@dataclass(frozen=True, slots=True)
class Hints:
    """What is made of an answer that asks to wait.

    `longest`: a Retry-After beyond this is taken for this. `stretch`: nor does it make the nominal wait longer than so
    many times itself (None: it may). After `statuses` and `causes`, at least CROWDED_FLOOR, whatever else is said.
    """

    longest: float = LONGEST_HINT
    stretch: float | None = None
    statuses: frozenset[int] = frozenset({429, 503})
    causes: frozenset[str] = frozenset({"rate_limited", "message_limit", "unavailable"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pauses after the 1st, 2nd, … try; when they are used up, or past `longest`, the work is buried."""

    name: str
    waits: tuple[Wait, ...]
    longest: timedelta | None = None
    refused_tries: int = 1  # how many tries work gets that the other side refuses for good (4xx)
    remark: str = ""
    hints: Hints = field(default=Hints())

    @property
    def tries(self) -> int:
        """All tries together, the first included."""
        return len(self.waits) + 1

    def wait(self, draw: float | None) -> wait_base:
        """The schedule as a tenacity strategy; `draw` None leaves the jitter out."""
        return wait_chain(*(DrawnWait(wait, draw) for wait in self.waits))

    def seconds(self, attempt: int, *, draw: float | None) -> float:
        """The pause after the given try (the first is 1)."""
        return _after(self.wait(draw), attempt)


def _after(strategy: wait_base, attempt: int) -> float:
    state = RetryCallState(Retrying(wait=strategy), None, (), {})
    state.attempt_number = attempt
    return float(strategy(state))


def _waits(jitter: Jitter, *seconds: float) -> tuple[Wait, ...]:
    return tuple(Wait(float(each), jitter) for each in seconds)


_MINUTE, _HOUR = 60, 3600
_UNEXPECTED_WAITS = _waits(TWENTY, 2, 30, 5 * _MINUTE)

CHATWOOT = Schedule(
    name="chatwoot",
    waits=_waits(EQUAL, 2, 4, 8, 16, 32, 64, 128, 256)
    + _waits(TWENTY, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 8 * _HOUR),
    longest=timedelta(days=3),
    remark="effects on Chatwoot: assignments, notes, survey messages",
)
WEBHOOK_OUT = Schedule(
    name="webhook_out",
    waits=_waits(TWENTY, 5, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24))),
    refused_tries=4,
    hints=Hints(
        longest=24.0 * _HOUR,
        stretch=2.0,
        statuses=frozenset({429, 502, 503, 504}),
        causes=frozenset({"rate_limited", "unavailable", "timeout"}),
    ),
    remark="signed webhooks to configured targets, and operators' notices; the list of Standard Webhooks; a 410 "
    "disables the target",
)
MAIL_OUT = Schedule(
    name="mail_out",
    waits=_waits(TWENTY, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR),
    remark="mail by SMTP; a 5xx reply is a dead letter at once",
)
PROCESSING = Schedule(
    name="processing", waits=_UNEXPECTED_WAITS, remark="deliveries, when working on one raises an unknown error"
)
SCHEDULES = {each.name: each for each in (CHATWOOT, WEBHOOK_OUT, MAIL_OUT, PROCESSING)}

STORE_WAITS = Schedule(
    name="store away", waits=_waits(EQUAL, 1, 2, 4, 8, 16, 30), remark="the database cannot be reached"
)
"""For ever: the last pause repeats, and no try is used."""


def decide(error: Exception, *, attempt: int, age: timedelta, draw: float, schedule: Schedule) -> Verdict:
    """What follows from a failed try. `attempt` is the number of that try (the first is 1), `age` the time since the
    first one, `draw` a number between 0 and 1.

    An AccessError must have had its second look: here it means that access as such works."""
    match error:
        case Gone():
            return Cancel(error.cause)
        case AccessError():
            return Cancel("gone") if error.ours else Bury("forbidden")
        case PermanentError():
            more = attempt < schedule.refused_tries and error.status is not None and error.status != 410
            return RetryIn(schedule.seconds(attempt, draw=draw), error.cause) if more else Bury(error.cause)
        case TransientError(cause="store_away"):
            return RetryIn(STORE_WAITS.seconds(attempt, draw=draw), STORE_AWAY, uses_try=False)
        case TransientError():
            return _again(error, attempt=attempt, age=age, draw=draw, schedule=schedule)
        case _:
            return _unexpected(attempt, draw)


def _again(error: TransientError, *, attempt: int, age: timedelta, draw: float, schedule: Schedule) -> Verdict:
    too_old = schedule.longest is not None and age >= schedule.longest
    if attempt >= schedule.tries or too_old:
        return Bury(error.cause)
    least = _least(error, schedule.hints, schedule.seconds(attempt, draw=None))
    if least is None:
        return RetryIn(schedule.seconds(attempt, draw=draw), error.cause)
    return RetryIn(least * (1 + UPWARD * draw), error.cause)


def _least(error: TransientError, hints: Hints, nominal: float) -> float | None:
    """The least wait after an answer that asks for one, never below the nominal; None when it does not ask."""
    crowded = error.status in hints.statuses or error.cause in hints.causes
    if error.retry_after is None:
        return max(nominal, CROWDED_FLOOR) if crowded else None
    hint = min(max(error.retry_after, 0.0), hints.longest)
    if hints.stretch is None:
        return max(nominal, hint)
    floor = CROWDED_FLOOR if crowded else 0.0
    return max(nominal, min(hint, nominal * hints.stretch), floor)


def _unexpected(attempt: int, draw: float) -> Verdict:
    """A bug is not an outage: it gets a few tries, in case it was the moment, and then a person."""
    budget = Schedule(UNEXPECTED, _UNEXPECTED_WAITS)
    return Bury(UNEXPECTED) if attempt >= budget.tries else RetryIn(budget.seconds(attempt, draw=draw), UNEXPECTED)


Draw = Callable[[], float]
"""Where a random number between 0 and 1 comes from, outside the domain."""
