"""`hookdesk sla`: the clocks, and how each second of them was counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli import words
from worker.cli.group import Guessing, settings_of
from worker.cli.ids import TICKET
from worker.cli.opening import database
from worker.cli.output import as_json, cell, limited, print_json, print_table, span
from worker.domain.wording import hours
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.domain.ticket import Clock, Ticket

_WHY = {
    "running": "counts",
    "waiting_for_customer": "paused: waiting for the customer",
    "with_bot": "paused: with the bot",
    "snoozed": "paused: snoozed",
    "resolved": "paused: resolved",
}


@click.group(cls=Guessing)
def sla() -> None:
    """SLA clocks: how they stand, and how each second of them was counted."""


@sla.command("list", short_help="List clocks: running, paused, met, breached.")
@click.option("--breached", is_flag=True, help="Only the breached.")
@limited
@as_json
@click.pass_context
def list_(ctx: click.Context, breached: bool, limit: int, as_json: bool) -> None:
    """List the clocks of the newest tickets: running, paused, met, breached."""
    from worker.store.ticket_reads import list_tickets

    with database(ctx) as db:
        found = [row for row in list_tickets(db, limit=limit) if row.ticket is not None]
    rows = [
        {"ticket_id": row.id, **_shape(clock)}
        for row in found
        for clock in row.ticket.clocks  # type: ignore[union-attr]  # filtered above
        if clock.breached_at or not breached
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("ticket", "clock", "policy", "deadline", "standing", "met"),
        (
            (f"t{row['ticket_id']}", words.clock(f"{row['metric']}:{row['ordinal']}"), row["policy"],
             row["deadline_at"], row["standing"], row["met_at"])
            for row in rows
        ),
        empty="No clocks." if not breached else "Nothing is breached.",
    )  # fmt: skip


@sla.command(short_help="Explain how a ticket's clocks were counted.")
@click.argument("ticket", type=TICKET)
@as_json
@click.pass_context
def explain(ctx: click.Context, ticket: int, as_json: bool) -> None:
    """Explain TICKET's clocks (t9): policy, deadline, each counted and each paused stretch, and their sum."""
    from worker.domain.fold import fold
    from worker.policy_file import load_policy
    from worker.store.ticket_reads import facts_of, get

    policy = load_policy(settings_of(ctx).config)
    with database(ctx) as db:
        stored = get(db, ticket)
        if stored is None:
            raise NotFound(f"There is no ticket t{ticket}. `hookdesk tickets` lists them.")
        facts = [each.fact for each in facts_of(db, ticket)]
    now = datetime.now(UTC)
    record = fold(stored.key, facts, policy, as_of=now) if facts else stored.ticket
    clocks = record.clocks if record is not None else ()
    if as_json:
        print_json({"ticket_id": ticket, **_shape(clock), "spans": list(_spans(clock, now))} for clock in clocks)
        return
    if record is None or not clocks:
        click.echo(f"t{ticket} has no clocks: no SLA policy fits it. `hookdesk policy` shows them.")
        return
    if stored.ticket is not None and _hashes(stored.ticket) != _hashes(record):
        click.echo(
            f"Note: this is counted by policy {policy.version} ({settings_of(ctx).config or 'built-in defaults'}), "
            "which is not the one that decided last. Set HOOKDESK_CONFIG as for the worker.\n",
            err=True,
        )
    _tell(ticket, record, now)


def _hashes(record: Ticket) -> dict[str, str]:
    return {clock.key: clock.policy_hash for clock in record.clocks}


def _tell(ticket: int, record: Ticket, now: datetime) -> None:
    click.echo(f"t{ticket}: {record.status}, priority {record.priority}. Times are UTC; as of {cell(now)}.")
    for clock in record.clocks:
        used = sum(each.counted_seconds for each in clock.spans)
        click.echo(f"\n{clock.metric.replace('_', ' ')} {clock.ordinal}: {_standing(clock)}")
        click.echo(f"  promised by policy {clock.policy!r}: {hours(clock.target_seconds)} of counted time")
        print_table(
            ("  from", "to", "lasted", "counted", "why"),
            (
                (f"  {cell(row['start'])}", row["end"] or "now", span(row["seconds"]), span(row["counted_seconds"]),
                 row["explanation"])
                for row in _spans(clock, now)
            ),
            empty="  nothing yet",
        )  # fmt: skip
        click.echo(f"  sum: {hours(used)} counted of {hours(clock.target_seconds)}, {_rest(clock, used)}")


def _spans(clock: Clock, now: datetime) -> Iterator[dict[str, Any]]:
    for each in clock.spans:
        seconds = ((each.end or now) - each.start).total_seconds()
        closed = max(0.0, seconds - each.counted_seconds) if each.counts else 0.0
        explanation = _WHY.get(each.why, each.why)
        if each.counts and closed >= 1:
            outside = "outside business hours"
            explanation = f"counts, except {span(closed)} {outside}" if each.counted_seconds else f"paused: {outside}"
        yield {
            "start": each.start,
            "end": each.end,
            "seconds": seconds,
            "counts": each.counts,
            "why": each.why,
            "counted_seconds": each.counted_seconds,
            "explanation": explanation,
        }


def _rest(clock: Clock, used: float) -> str:
    left = clock.target_seconds - used
    if left < 0:
        return f"{hours(-left)} too many"
    return f"{hours(left)} left" + (" when it was met" if clock.met_at else "")


def _standing(clock: Clock) -> str:
    if clock.met_at is not None:
        late = f", after the deadline {cell(clock.deadline_at)}" if clock.breached_at else ""
        return f"met at {cell(clock.met_at)}{late}"
    if clock.breached_at is not None:
        return f"breached at {cell(clock.breached_at)}"
    if clock.paused:
        return "paused; the deadline moves until it runs again"
    return f"due at {cell(clock.deadline_at)}" if clock.deadline_at else "running, no end in sight"


def _shape(clock: Clock) -> dict[str, Any]:
    met, breached = clock.met_at is not None, clock.breached_at is not None
    standing = "breached" if breached else "met" if met else "paused" if clock.paused else "running"
    return {
        "metric": clock.metric,
        "ordinal": clock.ordinal,
        "policy": clock.policy,
        "standing": standing,
        "target_seconds": clock.target_seconds,
        "counted_seconds": sum(each.counted_seconds for each in clock.spans),
        "started_at": clock.started_at,
        "deadline_at": clock.deadline_at,
        "met_at": clock.met_at,
        "breached_at": clock.breached_at,
        "paused": clock.paused,
    }
