"""`hookdesk sla`: the clocks, and how each second of them was counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from worker.cli import clock_words, words
from worker.cli.group import Guessing, settings_of
from worker.cli.ids import TICKET
from worker.cli.opening import database, policy_if_any
from worker.cli.output import as_json, cell, limited, print_json, print_table, span
from worker.domain.wording import hours
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.domain.facts import Fact
    from worker.domain.policy import Calendar, Policy
    from worker.domain.ticket import Clock, Ticket
    from worker.store.ticket_rows import StoredTicket


@click.group(cls=Guessing)
def sla() -> None:
    """SLA clocks: how they stand, and how each second of them was counted."""


@sla.command("list", short_help="List clocks, those at risk first.")
@click.option("--breached", is_flag=True, help="Only the breached, also those met late.")
@limited
@as_json
@click.pass_context
def list_(ctx: click.Context, breached: bool, limit: int, as_json: bool) -> None:
    """List the clocks of the most pressing tickets: at risk, then breached, running, paused and met."""
    from worker.store import clock_reads

    read = clock_reads.breached if breached else clock_reads.most_pressing
    with database(ctx) as db:
        found = [(row.id, row.ticket) for row in read(db, limit=limit)]
    now, policy = datetime.now(UTC), policy_if_any(ctx)
    clocks = [
        (ticket_id, clock)
        for ticket_id, ticket in found
        if ticket is not None
        for clock in clock_words.counted_on(ticket.clocks, policy, now)
        if clock.breached_at or not breached
    ]
    clocks.sort(key=lambda each: clock_words.rank(each[1]))
    rows = [{"ticket_id": ticket_id, **clock_words.shape(clock, now)} for ticket_id, clock in clocks]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("ticket", "clock", "policy", "deadline", "standing", "warned", "met"),
        (
            (f"t{row['ticket_id']}", words.clock(f"{row['metric']}:{row['ordinal']}"), row["policy"],
             row["deadline_at"], row["standing"], _shares(row["warned"]), row["met_at"])
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
    from worker.policy_file import load_policy
    from worker.store.ticket_reads import facts_of, get

    policy = load_policy(settings_of(ctx).config)
    with database(ctx) as db:
        stored = get(db, ticket)
        if stored is None:
            raise NotFound(f"There is no ticket t{ticket}. `hookdesk tickets` lists them.")
        facts = [each.fact for each in facts_of(db, ticket)]
    now = datetime.now(UTC)
    record = _folded(stored, facts, policy, now)
    clocks = record.clocks if record is not None else ()
    if as_json:
        print_json(
            {"ticket_id": ticket, **clock_words.shape(clock, now),
             "spans": list(clock_words.stretches(clock, clock_words.calendar_of(clock, policy), now))}
            for clock in clocks
        )  # fmt: skip
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
    click.echo(f"t{ticket}: {record.status}, priority {record.priority}. Times are UTC; as of {cell(now)}.")
    for clock in clocks:
        _tell(clock, clock_words.calendar_of(clock, policy), now)


def _folded(stored: StoredTicket, facts: list[Fact], policy: Policy, now: datetime) -> Ticket | None:
    """Counted up to now, not to the last decision; what was met under an earlier policy stays as it was judged."""
    from worker.domain.fold import fold
    from worker.domain.promised import kept

    return kept(stored.ticket, fold(stored.key, facts, policy, as_of=now), policy) if facts else stored.ticket


def _hashes(record: Ticket) -> dict[str, str]:
    return {clock.key: clock.policy_hash for clock in record.clocks}


def _tell(clock: Clock, calendar: Calendar | None, now: datetime) -> None:
    from worker.domain.skipped import windows_in_words

    by = f"calendar {calendar.name} ({windows_in_words(calendar)})" if calendar is not None else "an earlier calendar"
    rows = list(clock_words.stretches(clock, calendar, now))
    click.echo(f"\n{clock.metric.replace('_', ' ')} {clock.ordinal}: {clock_words.sentence(clock)}")
    click.echo(f"  promised by policy {clock.policy!r}: {hours(clock.target_seconds)} counted by {by}")
    print_table(
        ("  from", "to", "lasted", "counted", "why"),
        (
            (f"  {cell(row['start'])}", row["end"] or "now", span(row["seconds"]), hours(row["counted_seconds"]),
             row["explanation"])
            for row in rows
        ),
        empty="  nothing yet",
    )  # fmt: skip
    for share, at in clock.warned:
        click.echo(f"  {share} % were used up at {cell(at)}")
    for line in clock_words.holidays_of(rows, calendar, _names(calendar)) if calendar is not None else ():
        click.echo(f"  {line}")
    click.echo(f"  {clock_words.sums(clock, now)}")


def _names(calendar: Calendar) -> dict[str, str]:
    """The names of a country's holidays, by date; own dates have none."""
    from worker.public_holidays import holidays_of

    if not calendar.country:
        return {}
    return {day.isoformat(): name for day, name in holidays_of(calendar.country, calendar.subdivision).items()}


def _shares(warned: list[dict[str, int]]) -> str:
    return ", ".join(f"{each['share']} %" for each in warned)
