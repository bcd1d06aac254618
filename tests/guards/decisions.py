"""The tables of runbooks/DECISIONS.md as the loaded default policy and the code would write them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from worker.cli.csat import csat as csat_command
from worker.domain import activities, closing, csat, outgoing, priority, twins
from worker.domain.effects import EffectKind
from worker.domain.policy import EscalationRule, Policy, ScoreRule
from worker.policy_file import DEFAULT_TOML, load_policy
from worker.roster import REFRESH_AFTER
from worker.store import effect_flood, effect_rows, targets

POLICY: Policy = load_policy(None)
DEFAULTS: dict[str, Any] = tomllib.loads(DEFAULT_TOML)
LISTS = ("categories", "score_rules", "routing", "sla", "escalation")
TEXTS = frozenset({"templates", "csat.messages", "csat.message", "closing.message", "closing.confirm_words",
                   "closing.polite_words", "effects"})  # fmt: skip
"""Settings whose values are texts and words: the page names them and leaves the values to `hookdesk policy`."""

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
_LETTERS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_DURATION = re.compile(r"(\d+)([dhms])")


def lasting(seconds: float) -> str:
    """`10 minutes`; in the largest unit that fits without a rest."""
    name, size = next((name, size) for name, size in _UNITS if seconds % size == 0)
    count = round(seconds / size)
    return f"{count} {name}{'' if count == 1 else 's'}"


def counted(time: timedelta | None) -> str:
    """A promised time: never in days, as it is counted in business hours."""
    if time is None:
        return ""
    seconds = round(time.total_seconds())
    name, size = next((name, size) for name, size in _UNITS[1:] if seconds % size == 0)
    return f"{seconds // size} {name}{'' if seconds == size else 's'}"


def in_words(value: Any) -> str:
    """A value of the policy file as the page says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(in_words(each) for each in value) or "none"
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return str(value)
    return f"{found[1]} {_LETTERS[found[2]]}{'' if found[1] == '1' else 's'}"


def settings(table: Mapping[str, Any] = DEFAULTS, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the default policy that stands alone: `csat.delay` and its value."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        if name in TEXTS or name in LISTS:
            continue
        if isinstance(value, dict):
            yield from settings(value, f"{name}.")
        else:
            yield name, value


def setting_of(written: str) -> str:
    """`[csat] delay`, as the page writes it, as `csat.delay`."""
    section, key = re.fullmatch(r"`(?:\[([\w.]+)\] )?(\w+)`", written).groups()  # type: ignore[union-attr]
    return f"{section}.{key}" if section else key


FIXED: Mapping[str, str] = {
    "the same request by two doors is one ticket when written at most so far apart": lasting(
        twins.WITHIN.total_seconds()
    ),
    "the list of agents is read again every": lasting(REFRESH_AFTER.total_seconds()),
    "a survey overdue for longer is not sent": lasting(csat.TOO_LATE.total_seconds()),
    "a notice overdue for longer is not sent, and a person must close": lasting(closing.TOO_LATE.total_seconds()),
    "an activity due for longer when its resolution is heard of is not opened": lasting(
        activities.TOO_LATE.total_seconds()
    ),
    "the scores shown go back": in_words(next(one.default for one in csat_command.params if one.name == "since")),
    "a target that only fails is switched off after": lasting(targets.PATIENCE.total_seconds()),
    "an event waits at most": lasting(effect_rows.lifetime(EffectKind.EVENT).total_seconds()),
    "what customers see waits at most": lasting(effect_rows.lifetime(EffectKind.SURVEY).total_seconds()),
    "everything else waits at most": f"{counted(effect_rows.lifetime(EffectKind.PRIVATE_NOTE))}",
    "most effects of one ticket on one other side": str(effect_flood.MOST),
    "within": lasting(effect_flood.WITHIN.total_seconds()),
}
"""Numbers that stand in the code, by the words the page has for them."""

Rows = list[tuple[str, ...]]


def _categories() -> Rows:
    return [(f"`{one.name}`", one.report_line, ", ".join(one.done) or "–") for one in POLICY.categories]


def _when(rule: ScoreRule) -> str:
    parts = ["its words"] if rule.words else []
    parts += [f"tier {' or '.join(rule.tiers)}"] if rule.tiers else []
    parts += [f"opened again {rule.min_reopens} times or more"] if rule.min_reopens > 1 else []
    parts += ["opened again"] if rule.min_reopens == 1 else []
    parts += [f"waiting for {counted(rule.min_waiting)}"] if rule.min_waiting else []
    return ", ".join(parts)


def _scores() -> Rows:
    return [(one.name, f"{one.points:+d}", _when(one)) for one in POLICY.score_rules]


def _priorities() -> Rows:
    return [(f"{least} or more", name) for least, name in priority.THRESHOLDS]


def _routing() -> Rows:
    return [(one.name, ", ".join(one.categories) or "everything", one.team or "any agent") for one in POLICY.routing]


def _sla() -> Rows:
    return [
        (one.name, ", ".join(one.priorities), counted(one.first_response), counted(one.next_response),
         counted(one.resolution), one.calendar.name, ", ".join(f"{share} %" for share in one.warn_at))
        for one in POLICY.sla
    ]  # fmt: skip


def _calls_for(rule: EscalationRule) -> str:
    parts = ["its words"] if rule.words else []
    parts += [f"{rule.min_messages} messages of the customer"] if rule.min_messages else []
    parts += [f"{' or '.join(rule.breached).replace('_', ' ')} broken and not kept yet"] if rule.breached else []
    return ", ".join(parts)


def _escalation() -> Rows:
    return [
        (one.reason, _calls_for(one), one.priority,
         ", then after ".join(["at once", *(lasting(level.after.total_seconds()) for level in one.levels[1:])]))
        for one in POLICY.escalation
    ]  # fmt: skip


def _events() -> Rows:
    return [(f"`{name}`", offer.about) for name, offer in outgoing.OFFERED.items()]


TABLES: Mapping[tuple[str, ...], Callable[[], Rows]] = {
    ("category", "counted under", "closing also needs"): _categories,
    ("score rule", "points", "when"): _scores,
    ("score", "priority"): _priorities,
    ("routing rule", "categories", "team"): _routing,
    ("policy", "priority", "first response", "next response", "resolution", "calendar", "warns at"): _sla,
    ("reason", "when", "priority at least", "levels"): _escalation,
    ("event", "when"): _events,
}
"""The tables that list something, by their headings."""


def as_table(headings: tuple[str, ...], rows: Rows) -> str:
    """Markdown."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")


if __name__ == "__main__":
    for headings, rows in TABLES.items():
        print(as_table(headings, rows()), end="\n\n")
    for name, value in settings():
        print(f"| … | {in_words(value)} | `{name}` |")
