"""[[escalation]] of the policy file: when a ticket goes to a senior, to whom, and who is told."""

from __future__ import annotations

from typing import Any

from worker.domain.escalation import BY_HAND
from worker.domain.notices import ASSIGNEE, LEAD, TARGET
from worker.domain.policy import EscalationLevel, EscalationRule
from worker.toml_table import Table, duration, list_of_words, one_of, some_of, whole, words

PRIORITIES = ("low", "medium", "high", "urgent")
METRICS = ("first_response", "next_response", "resolution")
_CONDITIONS = ("words", "categories", "labels", "tiers", "min_messages", "breached", "max_rating")


def rule(table: Table, categories: tuple[str, ...]) -> EscalationRule:
    """One of [[escalation]]; a rule without a condition, or one named like a person's own escalation, is a mistake."""
    usual = EscalationRule("", "")
    name = table.required("name")
    read = EscalationRule(
        name=name,
        reason=table.read("reason", name, words),
        words=table.read("words", (), list_of_words),
        categories=table.read("categories", (), some_of(categories)),
        labels=table.read("labels", (), list_of_words),
        tiers=table.read("tiers", (), list_of_words),
        min_messages=table.read("min_messages", 0, whole(1, 1000)),
        breached=table.read("breached", (), some_of(METRICS)),
        max_rating=table.read("max_rating", 0, whole(1, 4)),
        priority=table.read("priority", "", one_of(PRIORITIES)),
        notify=table.read("notify", usual.notify, _people),
        levels=tuple(_level(each) for each in table.tables("levels")) or usual.levels,
    )
    if not any(getattr(read, condition) for condition in _CONDITIONS):
        remedy = f"Add one of {', '.join(_CONDITIONS)}."
        table.wrong("name", "this rule would escalate every ticket", remedy)
    if len(name) > 60 or name.startswith(BY_HAND):
        table.wrong("name", f"{name!r} cannot name a rule", f"At most 60 characters, not beginning with {BY_HAND}.")
    table.finish()
    return read


def _level(table: Table) -> EscalationLevel:
    """One of `levels`: `{}` is at once, to a senior agent."""
    usual = EscalationLevel()
    level = EscalationLevel(
        after=table.read("after", usual.after, duration), team=table.read("team", usual.team, _team)
    )
    table.finish()
    return level


def _team(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else words(value)


def _people(value: Any) -> tuple[str, ...]:
    """Roles and addresses; nobody at all is an empty list."""
    each = list_of_words(value, example=f'["{ASSIGNEE}", "{LEAD}"]')
    strange = [one for one in each if one not in (ASSIGNEE, TARGET, LEAD) and "@" not in one]
    if strange:
        raise ValueError(f"{strange[0]} is not {ASSIGNEE}, {TARGET}, {LEAD} or an address.")
    return each
