"""The part of `hookdesk policy` about what is promised: times, calendars, warnings and reopenings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli.output import cell, print_table, span
from worker.domain.reopening import RESUME, SAME
from worker.domain.skipped import windows_in_words
from worker.domain.wording import hours
from worker.public_holidays import holidays_of

if TYPE_CHECKING:
    from datetime import timedelta

    from worker.domain.policy import Calendar, Policy, ReopenPolicy, SlaPolicy


def show(policy: Policy) -> None:
    """SLA policies, their calendars, and what a customer who comes back gets."""
    click.echo("\nSLA: the first policy that matches")
    print_table(
        ("policy", "calendar", "first response", "next response", "resolution", "warns at", "when"),
        (
            (each.name, each.calendar.name,
             *map(_promised, (each.first_response, each.next_response, each.resolution)),
             ", ".join(f"{share} %" for share in each.warn_at) or "never", _conditions(each))
            for each in policy.sla
        ),
        empty="none: no clocks",
    )  # fmt: skip
    for calendar in dict.fromkeys(each.calendar for each in policy.sla):
        click.echo(f"Calendar {calendar.name}: {windows_in_words(calendar)}{_holidays(calendar)}")
    if policy.clocks_from is not None:
        click.echo(f"Conversations begun before {cell(policy.clocks_from)} UTC: only from the customer's next message.")
    click.echo(f"Heard of later than {span(policy.notices.late.total_seconds())}: one notice per team.")
    click.echo(f"\nReopening: {_reopen(policy.reopen)}")


def _promised(time: timedelta | None) -> str | None:
    return hours(time.total_seconds()) if time is not None else None


def _conditions(policy: SlaPolicy) -> str:
    matchers = (
        ("priorities", policy.priorities),
        ("tiers", policy.tiers),
        ("channels", policy.channels),
        ("teams", policy.teams),
    )
    return "; ".join(f"{name} {', '.join(values)}" for name, values in matchers if values) or "always"


def _holidays(calendar: Calendar) -> str:
    """Public ones by their country, own ones one by one: those are easily mistyped."""
    country = " ".join(part for part in (calendar.country, calendar.subdivision) if part)
    public = frozenset(holidays_of(calendar.country, calendar.subdivision)) if country else frozenset()
    own = [f"{day}" for day in sorted(calendar.holidays - public)]
    told = [f"the public holidays of {country}"] if country else []
    told += [f"own holidays {', '.join(own)}"] if own else []
    return f", with {' and '.join(told)}" if told else ""


def _reopen(policy: ReopenPolicy) -> str:
    within, later = (
        f"{'the same agent' if agent == SAME else 'routed anew'}, clocks {'resume' if clocks == RESUME else 'restart'}"
        for agent, clocks in (
            (policy.agent_within, policy.clocks_within),
            (policy.agent_later, policy.clocks_later),
        )
    )
    return f"within {span(policy.window.total_seconds())} {within}; later {later}"
