"""`hookdesk activities`: what somebody should do about tickets, by due time; a person ends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from worker import shapes
from worker.cli.group import Guessing
from worker.cli.ids import ACTIVITY, TICKET
from worker.cli.opening import actor, database
from worker.cli.output import as_json, limited, print_json, print_table, shortened
from worker.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.store.activities import StoredActivity

_STATES = ("open", "done", "cancelled", "all")


@click.group(cls=Guessing)
def activities() -> None:
    """What somebody should do: look whether a resolution lasts, call about a bad answer."""


@activities.command("list")
@click.option("--state", type=click.Choice(_STATES), default="open", show_default=True, help="Only these.")
@click.option("--kind", help="Only these, for example health_check.")
@click.option("--ticket", type=TICKET, help="Only those of this ticket (t9).")
@limited
@as_json
@click.pass_context
def list_(ctx: click.Context, state: str, kind: str | None, ticket: int | None, limit: int, as_json: bool) -> None:
    """List activities, those due soonest first."""
    from worker.store.activities import list_activities

    with database(ctx) as db:
        wanted = None if state == "all" else state
        rows = list_activities(db, ticket=ticket, state=wanted, kind=kind, limit=limit)
    _print(rows, as_json=as_json, empty="Nothing to do." if state == "open" else "No activities like that.")


@activities.command(short_help="Say that one is done.")
@click.argument("activity", type=ACTIVITY)
@click.option("--note", default="", help="What came of it; it is kept.")
@as_json
@click.pass_context
def done(ctx: click.Context, activity: int, note: str, as_json: bool) -> None:
    """Say that ACTIVITY (a3) is done."""
    _end(ctx, activity, state="done", note=note, as_json=as_json)


@activities.command(short_help="Call one off.")
@click.argument("activity", type=ACTIVITY)
@click.option("--reason", help="Why; it is kept.")
@as_json
@click.pass_context
def cancel(ctx: click.Context, activity: int, reason: str | None, as_json: bool) -> None:
    """Call ACTIVITY (a3) off."""
    if not reason:
        raise click.UsageError('--reason is missing. Say why, for example --reason "customer left".', ctx)
    _end(ctx, activity, state="cancelled", note=reason, as_json=as_json)


def _end(ctx: click.Context, activity: int, *, state: str, note: str, as_json: bool) -> None:
    """Raises NotFound, or Refused for one that has ended already."""
    from worker.store.activities import end, get

    with database(ctx) as db:
        row = get(db, activity)
        if row is None:
            raise NotFound(f"There is no activity a{activity}. `hookdesk activities list` lists them.")
        if not end(db, activity, state=state, actor=actor(), note=note):
            raise Refused(f"a{activity} is {row.state} already. Nothing was changed.")
        row = get(db, activity)
    _print([row] if row is not None else [], as_json=as_json, empty="")


def _print(rows: Sequence[StoredActivity], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(shapes.activity(row) for row in rows)
        return
    now = datetime.now(UTC)
    print_table(
        ("id", "ticket", "kind", "due", "state", "who", "why"),
        (
            (f"a{row.id}", f"t{row.ticket_id}", row.kind, row.due_at,
             "overdue" if row.state == "open" and row.due_at < now else row.state, row.assignee or "anybody",
             shortened(row.note or row.reason, 60))
            for row in rows
        ),
        empty=empty,
    )  # fmt: skip
