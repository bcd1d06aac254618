"""`hookdesk tickets`: the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker import shapes
from worker.cli.opening import database
from worker.cli.output import as_json, limited, print_json, print_table, shortened
from worker.domain.groups import priority_of, statuses_of
from worker.domain.wording import label

if TYPE_CHECKING:
    from worker.store.ticket_rows import StoredTicket


@click.command()
@click.option("--status", default="", help="A status, or open, waiting or done; several with commas, in any case.")
@click.option("--priority", default="", help="low, medium, high, urgent; several with commas.")
@limited
@as_json
@click.pass_context
def tickets(ctx: click.Context, status: str, priority: str, limit: int, as_json: bool) -> None:
    """List tickets, the newest first."""
    from worker.store.ticket_search import Filter, search

    try:
        statuses = statuses_of(word for word in status.split(",") if word.strip())
        priorities = tuple(priority_of(word) for word in priority.split(",") if word.strip())
    except ValueError as exc:
        raise click.UsageError(f"{exc}.".replace("?.", "?"), ctx) from exc
    with database(ctx) as db:
        rows = search(db, Filter(statuses=statuses, priorities=priorities), limit=limit)
    if as_json:
        print_json(shapes.ticket(row) for row in rows)
        return
    print_table(
        ("id", "source", "status", "priority", "category", "assigned to", "sla", "subject"),
        (_row(row) for row in rows),
        empty="No tickets like that. `hookdesk tickets` lists all."
        if status or priority
        else "No tickets. `hookdesk deliveries` shows what arrived; `hookdesk sign --send` sends a first webhook.",
    )


def _row(row: StoredTicket) -> tuple[object, ...]:
    record = row.ticket
    if record is None:
        return (f"t{row.id}", f"{row.key.source} {row.key.external_id}", "new", *[None] * 5)
    return (
        f"t{row.id}",
        f"{row.key.source} {shortened(row.key.external_id, 20)}",  # whole in --json and in trace
        record.status,
        f"{record.priority} ({record.score})",
        record.category,
        ", ".join(label(each) for each in (record.assignee, record.team) if each is not None),
        standing(row),
        shortened(record.subject, 40),
    )


def standing(row: StoredTicket) -> str:
    """The worst that can be said of its clocks."""
    clocks = row.ticket.clocks if row.ticket is not None else ()
    if breached := [clock.metric for clock in clocks if clock.breached_at]:
        return f"breached: {', '.join(dict.fromkeys(breached))}".replace("_", " ")
    unmet = [clock for clock in clocks if clock.met_at is None]
    if any(clock.paused for clock in unmet):
        return "paused"
    due = min((clock.deadline_at for clock in unmet if clock.deadline_at), default=None)
    return f"due {due:%Y-%m-%d %H:%M}" if due else "met" if clocks else ""
