"""The part of `hookdesk policy` about people: agents, customers, and when a ticket changes hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli.output import print_table, span

if TYPE_CHECKING:
    from worker.domain.policy import Policy


def show(policy: Policy) -> None:
    """Capacity, rerouting, [[agents]] and [[organizations]]."""
    away, age = span(policy.reroute.away.total_seconds()), span(policy.roster_max_age.total_seconds())
    click.echo(
        f"An agent holds up to {policy.default_capacity} tickets; a list of agents older than {age} is not trusted."
    )
    click.echo(f"Who has been away for {away} while a customer waits loses what routing gave them.")
    if policy.agents:
        click.echo("\nAgents: what the source cannot say")
        rows = ((one.agent, ", ".join(one.skills), one.capacity, "yes" if one.senior else "") for one in policy.agents)
        print_table(("agent", "skills", "capacity", "senior"), rows, empty="")
    if policy.organizations:
        click.echo("\nCustomers")
        known = ((one.name, ", ".join(one.domains), one.tier, one.value) for one in policy.organizations)
        print_table(("organization", "domains", "tier", "value"), known, empty="")
