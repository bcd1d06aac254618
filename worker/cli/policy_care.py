"""The parts of `hookdesk policy` about what happens when it gets serious, and when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from worker.cli.output import print_table, span

if TYPE_CHECKING:
    from worker.domain.policy import ClosingPolicy, EscalationLevel, EscalationRule, NoticePolicy, Policy


def show(policy: Policy) -> None:
    """Escalation, definition of done, closing, fields, notices and targets."""
    click.echo("\nEscalation: each rule once per ticket and reason")
    print_table(
        ("rule", "when", "priority", "levels", "told"),
        (
            (each.name, _conditions(each), each.priority or "as it is", _levels(each.levels), _list(each.notify))
            for each in policy.escalation
        ),
        empty="none: only by hand",
    )
    click.echo(f"\nClosing: {_closing(policy.closing)}")
    checked = "; ".join(f"{each.name}: {_list(each.done)}" for each in policy.categories if each.done)
    click.echo(f"Definition of done: a resolution text{f', and for {checked}' if checked else ''}")
    fields = ", ".join(f"{each.name} ({each.kind})" for each in policy.fields)
    click.echo(f"Fields: {fields or 'none'}")
    click.echo(f"Notices: {_notices(policy.notices)}")
    targets = "; ".join(f"{each.name} {each.url} ({_list(each.events) or 'all events'})" for each in policy.targets)
    click.echo(f"Targets of events: {targets or 'none; add [[targets]]'}")


def _conditions(rule: EscalationRule) -> str:
    named = (
        ("categories", rule.categories),
        ("labels", rule.labels),
        ("tiers", rule.tiers),
        ("breached", rule.breached),
        ("words", rule.words),
    )
    parts = [f"{name} {_list(values)}" for name, values in named if values]
    if rule.min_messages:
        parts.append(f"{rule.min_messages} messages of the customer or more")
    if rule.max_rating:
        parts.append(f"an answer of at most {rule.max_rating}")
    return "; ".join(parts)


def _levels(levels: tuple[EscalationLevel, ...]) -> str:
    return ", then ".join(f"{_after(each.after)} to {each.team or 'a senior'}" for each in levels)


def _after(time: timedelta) -> str:
    return f"after {span(time.total_seconds())}" if time else "at once"


def _closing(closing: ClosingPolicy) -> str:
    if not closing.enabled:
        return "only by a person"
    quiet, notice = span(closing.quiet.total_seconds()), span(closing.notice.total_seconds())
    return (
        f"{span(closing.wait.total_seconds())} after the customer confirms, or {quiet} after resolving with a notice "
        f"{notice} before; health check after {span(closing.health_check.total_seconds())}"
    )


def _notices(notices: NoticePolicy) -> str:
    leads = [f"{team or 'every other team'} {address}" for team, address in notices.leads]
    webhook = [f"webhook {notices.webhook}"] if notices.webhook else []
    return ", ".join((*leads, *webhook)) or "the assignee alone; add [notices]"


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words)
