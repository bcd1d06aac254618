"""`hookdesk deliveries` and `hookdesk ledger`: what arrived, and that nothing got lost."""

from __future__ import annotations

import click

from worker import shapes
from worker.cli import words
from worker.cli.group import settings_of
from worker.cli.ids import TICKET
from worker.cli.opening import database
from worker.cli.output import as_json, limited, print_json, print_table

STATES = ("pending", "processing", "retry", "done", "dead", "discarded")


@click.command()
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--source", help="Only of this source: chatwoot, email, form, survey.")
@click.option("--ticket", type=TICKET, help="Only those of this ticket (t9).")
@limited
@as_json
@click.pass_context
def deliveries(
    ctx: click.Context, state: str | None, source: str | None, ticket: int | None, limit: int, as_json: bool
) -> None:
    """List deliveries, the newest first."""
    from worker.store.letters import list_deliveries

    with database(ctx) as db:
        rows = list_deliveries(db, state=state, source=source, ticket=ticket, limit=limit)
    if as_json:
        print_json(shapes.delivery(row) for row in rows)
        return
    print_table(
        ("id", "received", "source", "event", "outcome", "ticket", "why"),
        (
            (f"d{row.id}", row.received_at, row.source, row.event, row.outcome or row.state,
             f"t{row.ticket_id}" if row.ticket_id else None,
             words.why(row))
            for row in rows
        ),
        empty="No deliveries like that. `hookdesk deliveries` lists all."
        if state or source or ticket
        else "No deliveries. `hookdesk sign --send` sends a first one.",
    )  # fmt: skip


@click.command()
@as_json
@click.pass_context
def ledger(ctx: click.Context, as_json: bool) -> int:
    """Show received against accounted for, in one snapshot. Exit code 1 when the difference is not 0."""
    from webhooks.spool import count
    from worker.store.ledger import ledger as read_ledger

    with database(ctx) as db:
        books = read_ledger(db)
    spooled = count(settings_of(ctx).data_dir / "spool")
    if as_json:
        print_json([shapes.ledger(books, spooled=spooled)])
        return 1 if books.difference else 0
    accounted = ("processed", "ignored", "stale", "duplicate", "pending", "processing", "retry", "dead", "discarded")
    rows = [("received", books.received), ("+ reconciled", books.reconciled)]
    rows += [(f"- {name}", getattr(books, name)) for name in accounted]
    print_table(("", "deliveries"), [*rows, ("= difference", books.difference)], empty="")
    if spooled:
        click.echo(f"{spooled} more wait in the spool for the database.")
    if books.difference:
        click.echo("Something was lost or counted twice: runbooks/LedgerDoesNotAddUp.md.")
    return 1 if books.difference else 0
