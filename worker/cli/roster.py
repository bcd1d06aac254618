"""`hookdesk roster`: who works here, who is there, and how much each of them holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli.group import settings_of
from worker.cli.opening import database
from worker.cli.output import as_json, print_json, print_table, span

if TYPE_CHECKING:
    from worker.domain.policy import Policy
    from worker.domain.routing import Roster, RosterAgent


@click.command()
@as_json
@click.pass_context
def roster(ctx: click.Context, as_json: bool) -> None:
    """List agents as routing sees them: availability, load, capacity, skills, teams."""
    from worker.policy_file import load_policy
    from worker.store import people

    policy = load_policy(settings_of(ctx).config)
    with database(ctx) as db, db.read() as conn:
        known, now = people.roster(conn, lock=False), db.now(conn)
    rows = [_shape(agent, known, policy) for agent in known.agents]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "agent", "availability", "open", "capacity", "idle since", "teams", "skills"),
        (_row(row) for row in rows),
        empty="Nobody yet. The worker asks Chatwoot every minute; `hookdesk doctor` says why it cannot.",
    )
    if known.refreshed_at is not None:
        age = span(max(0.0, (now - known.refreshed_at).total_seconds()))
        stale = "" if known.is_current(policy.roster_max_age, now) else ": too old, tickets wait in their team's queue"
        click.echo(f"\nChatwoot said so {age} ago{stale}. Times are UTC.")


def _shape(agent: RosterAgent, known: Roster, policy: Policy) -> dict[str, Any]:
    names = {team.id: team.name for team in known.teams}
    return {
        "id": agent.person.id,
        "name": agent.person.name,
        "email": agent.person.email,
        "role": agent.role,
        "availability": agent.availability,
        "away_since": agent.away_since,
        "open_tickets": agent.open_tickets,
        "capacity": policy.default_capacity if agent.capacity is None else agent.capacity,
        "idle_since": agent.idle_since,
        "skills": list(agent.skills),
        "senior": agent.senior,
        "teams": [names.get(team, team) for team in agent.team_ids],
        "refreshed_at": known.refreshed_at,
    }


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    name = f"{row['name']} (senior)" if row["senior"] else row["name"]
    there = row["availability"]
    if row["away_since"] is not None:
        there += f" since {row['away_since'].astimezone(UTC):{_clock(row['away_since'])}}"
    return (row["id"], name, there, row["open_tickets"], row["capacity"], row["idle_since"],
            ", ".join(row["teams"]), ", ".join(row["skills"]))  # fmt: skip


def _clock(at: datetime) -> str:
    """The time of day, with the date unless it is today's."""
    return "%H:%M" if at.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M"
