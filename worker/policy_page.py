"""The retry policy as a page: what `runbooks/retry-policy.md` holds and `hookdesk policy` prints."""

from __future__ import annotations

from worker.domain.retry import (
    CROWDED_FLOOR,
    LONGEST_HINT,
    PROCESSING,
    SCHEDULES,
    STORE_WAITS,
    UPWARD,
    Schedule,
    Wait,
)

_UNITS = ((3600, "h"), (60, "m"), (1, "s"))


def render() -> str:
    """The page as Markdown; a test compares the stored copy with it."""
    parts = [_INTRODUCTION, *(_section(schedule) for schedule in SCHEDULES.values()), _store(), _rules()]
    return "\n".join(parts)


def span(seconds: float) -> str:
    """Seconds in the words of the table: 90 is `1 m 30 s`."""
    rest, words = round(seconds), []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words) or "0 s"


def _section(schedule: Schedule) -> str:
    limit = f", at most {schedule.longest.days} days" if schedule.longest is not None else ""
    total = sum(wait.seconds for wait in schedule.waits)
    lines = [
        f"## {schedule.name}",
        "",
        f"For {schedule.remark}. {schedule.tries} tries{limit}; {span(total)} from the first to the last.",
    ]
    if schedule.refused_tries > 1:
        lines.append(f"A refusal (4xx other than 410) gets {schedule.refused_tries} tries; a redirect is a failure.")
    if schedule.hints.stretch is not None:
        statuses = ", ".join(str(status) for status in sorted(schedule.hints.statuses))
        lines.append(
            f"A Retry-After makes a wait longer, but at most {schedule.hints.stretch:g} times as long, and never "
            f"beyond {span(schedule.hints.longest)}. After {statuses} and timeouts the wait is at least "
            f"{span(CROWDED_FLOOR)}."
        )
    lines += ["", *_table(schedule), ""]
    return "\n".join(lines)


def _table(schedule: Schedule) -> list[str]:
    rows = ["| after try | wait | from | to | jitter |", "| ---: | ---: | ---: | ---: | --- |"]
    for attempt, wait in enumerate(schedule.waits, start=1):
        rows.append(
            f"| {attempt} | {span(wait.seconds)} | {_bound(wait, 0)} | {_bound(wait, 1)} | {wait.jitter.name} |"
        )
    return rows


def _bound(wait: Wait, draw: float) -> str:
    seconds = wait.jitter.spread(wait.seconds, draw)
    return span(seconds) if seconds == round(seconds) else f"{seconds:.1f} s"


def _store() -> str:
    caps = ", ".join(span(wait.seconds) for wait in STORE_WAITS.waits)
    return "\n".join(
        [
            "## Database away",
            "",
            f"{caps}, then every {span(STORE_WAITS.waits[-1].seconds)}, each {STORE_WAITS.waits[-1].jitter.name}. "
            "For ever, and no try is used.",
            "",
        ]
    )


def _rules() -> str:
    unknown = ", ".join(span(wait.seconds) for wait in PROCESSING.waits)
    hours = span(LONGEST_HINT)
    return f"""## Rules for all of them

| what came | what follows |
| --- | --- |
| Retry-After, where nothing else is said above | the longer of the schedule and the hint \
(beyond {hours} it counts as {hours}); jitter only adds, up to {UPWARD * 100:.0f} % |
| 429 or 503 without Retry-After, 422 of Chatwoot's message limit | at least {span(CROWDED_FLOOR)}; jitter only adds |
| timeout, cut connection, other 5xx, 408, 425 | the schedule; a timeout opens the circuit at once, for 30 s at first |
| 400, 405, 409, 410, 422 and other refusals | dead letter at once |
| 401, 403, 404, a redirect | the call that `hookdesk doctor` makes: if it fails, the circuit opens and nothing dies; \
if it works, dead letter `forbidden`, or cancelled as `gone` for Chatwoot's own 404 |
| an open circuit, our own rate limit | deferred; no try is used |
| an error nobody foresaw | {unknown}, then dead letter `error` |
| no longer wanted (reopened, assigned by hand, …) | cancelled as `stale`, before the try |
| to be resolved, but the customer has written what has not arrived here yet (`unheard`) | the schedule |

Before a message is created again, Hookdesk looks for the one it may have created already.
"""


_INTRODUCTION = """# Retry policy

Generated from `worker/domain/retry.py` by `hookdesk policy`; a test compares the two. Waits are stored as times in the
database, so neither a restart nor a lost broker shortens or forgets them.
"""
