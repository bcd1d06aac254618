"""`hookdesk dead-letters`: what could not be processed; look, replay, or give up with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli import words
from worker.cli.group import Guessing, settings_of
from worker.cli.ids import DELIVERY
from worker.cli.opening import actor, database
from worker.cli.output import as_json, cell, console, limited, print_json, print_table, shortened
from worker.errors import NotFound, Refused

if TYPE_CHECKING:
    from worker.cli.rehearsal import Rehearsal
    from worker.store.database import Database
    from worker.store.letters import DeliveryRow, RawRequest

_IDS = click.argument("ids", type=DELIVERY, nargs=-1)
_ALL = click.option("--all", "everything", is_flag=True, help="All dead letters, or all with --cause.")
_CAUSE = click.option("--cause", help="Only with this cause, for example unparsable.")
_LIMIT = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many."
)
_YES = click.option("--yes", is_flag=True, help="Do it. Without it you only see what would be done.")
_BODY_SHOWN = 4000


@click.group("dead-letters", cls=Guessing)
def dead_letters() -> None:
    """Deliveries that could not be processed. Nothing is ever dropped: each is kept with its cause."""


@dead_letters.command("list")
@_CAUSE
@limited
@as_json
@click.pass_context
def list_(ctx: click.Context, cause: str | None, limit: int, as_json: bool) -> int:
    """List dead letters, the newest first. Exit code 1 when there are some."""
    from worker.store.letters import dead_summary

    with database(ctx) as db:
        rows = _dead(db, cause=cause, limit=limit)
        summary = dead_summary(db)
    if as_json:
        print_json(shapes.delivery(row) for row in rows)
        return 1 if rows else 0
    print_table(
        ("id", "received", "source", "event", "cause", "tries", "what happened"),
        (
            (f"d{row.id}", row.received_at, row.source, row.event, row.cause, row.attempts, shortened(row.detail or ""))
            for row in rows
        ),
        empty="No dead letters.",
    )
    for line in summary if rows else ():
        click.echo(f"{line.count} × {line.source} {line.cause}, oldest {cell(line.oldest)}")
    if rows:
        click.echo("Next: `hookdesk dead-letters show d…`, then `replay`. See runbooks/DeadLettersPresent.md.")
    return 1 if rows else 0


@dead_letters.command(short_help="Show one whole: cause, tries, raw request.")
@click.argument("delivery", type=DELIVERY)
@as_json
@click.pass_context
def show(ctx: click.Context, delivery: int, as_json: bool) -> None:
    """Show DELIVERY (d17) whole: its cause, every try, and the raw request."""
    from worker.store.audit import attempts_of
    from worker.store.letters import raw

    with database(ctx) as db:
        row = _get(db, delivery)
        request = raw(db, delivery)
        tries = [asdict(each) for each in attempts_of(db, f"d{delivery}")]
    if as_json:
        more = {"detail": row.detail, "size": row.size, "tries": tries, "request": _request(request)}
        print_json([{**shapes.delivery(row), **more}])
        return
    click.echo(f"d{row.id} {row.event or 'a request'} from {row.source}/{row.endpoint}: {words.outcome(row)}")
    if row.state != "dead":
        click.echo(f"  It is not a dead letter; `hookdesk trace d{row.id}` tells what came of it.")
    print_table(
        ("  try", "at", "outcome", "why"),
        ((f"  {each['n']}", each["at"], each["outcome"], words.cause(each["cause"], each["detail"])) for each in tries),
        empty="  never tried: it was dead on arrival" if row.state == "dead" else "  no try failed",
    )
    if request is not None:
        for name, value in _request(request)["headers"].items():
            click.echo(f"  {name}: {cell(value)}")
        click.echo(f"\n  {cell(request.body[:_BODY_SHOWN].decode('utf-8', 'replace'))}")


@dead_letters.command()
@_IDS
@_ALL
@_CAUSE
@_LIMIT
@_YES
@as_json
@click.pass_context
def replay(
    ctx: click.Context, ids: tuple[int, ...], everything: bool, cause: str | None, limit: int, yes: bool, as_json: bool
) -> int:
    """Process dead letters again (d17 d18 …, or --all). Without --yes it only shows what would come of it."""
    from worker.store.letters import replay as put_back

    with database(ctx) as db:
        rows = _chosen(db, ids, everything=everything, cause=cause, limit=limit)
        if not yes:
            return _rehearse(ctx, db, rows, as_json=as_json)
        done = put_back(db, [row.id for row in rows], actor=actor())
    if as_json:
        print_json({"id": delivery, "state": "pending"} for delivery in done)
    else:
        click.echo(f"{len(done)} put back; the worker takes them within a second. `hookdesk trace d…` follows one.")
    return 0


@dead_letters.command()
@_IDS
@_ALL
@_CAUSE
@_LIMIT
@click.option("--reason", help="Why; it is kept.")
@_YES
@as_json
@click.pass_context
def discard(
    ctx: click.Context,
    ids: tuple[int, ...],
    everything: bool,
    cause: str | None,
    limit: int,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Give dead letters up for a reason. They stay in the ledger as discarded, their raw request is kept."""
    from worker.store.letters import discard as give_up

    with database(ctx) as db:
        rows = _chosen(db, ids, everything=everything, cause=cause, limit=limit)
        if not yes:
            _would(rows, "would be discarded", as_json=as_json)
            return
        if not reason:
            raise click.UsageError('--reason is missing. Say why, for example --reason "test traffic".', ctx)
        done = give_up(db, [row.id for row in rows], actor=actor(), reason=reason)
    if as_json:
        print_json({"id": delivery, "state": "discarded"} for delivery in done)
    else:
        click.echo(f"{len(done)} discarded.")


def _rehearse(ctx: click.Context, db: Database, rows: Sequence[DeliveryRow], *, as_json: bool) -> int:
    """Show what a replay would come to. Exit code 1 when some would only die again."""
    from rich.progress import track

    from worker.cli.rehearsal import rehearse
    from worker.policy_file import load_policy

    settings = settings_of(ctx)
    policy = load_policy(settings.config)
    talk = console(stderr=True)
    steps = track(rows, "Rehearsing", console=talk, disable=not talk.is_terminal, transient=True)
    found = [rehearse(db, row, policy=policy, settings=settings) for row in steps]
    if as_json:
        print_json(_rehearsal(each) for each in found)
    else:
        _tell(found)
    if found:
        click.echo("Nothing was changed. Repeat with --yes to replay.", err=True)
    return 1 if any(each.outcome == "dead" for each in found) else 0


def _tell(found: Sequence[Rehearsal]) -> None:
    for each in found:
        where = f" on t{each.ticket}" if each.ticket else ""
        click.echo(f"d{each.delivery} would end as {each.outcome}{where}: {cell(each.why)}")
        for step in each.steps:
            click.echo(f"    {shortened(step, 140)}")
    if not found:
        click.echo("No dead letters.")


def _rehearsal(each: Rehearsal) -> dict[str, Any]:
    return {"id": each.delivery, "outcome": each.outcome, "why": each.why, "ticket_id": each.ticket,
            "steps": list(each.steps)}  # fmt: skip


def _chosen(db: Database, ids: Sequence[int], *, everything: bool, cause: str | None, limit: int) -> list[DeliveryRow]:
    """The named ones; raises rather than doing half of what was asked."""
    if ids:
        rows = [_get(db, delivery) for delivery in dict.fromkeys(ids)]
        for row in rows:
            if row.state != "dead":
                raise Refused(f"d{row.id} is {row.state}, not dead. Nothing was changed.")
        return rows
    if not (everything or cause):
        raise click.UsageError("Name deliveries (d17 d18 …), or say --all or --cause CAUSE.")
    return _dead(db, cause=cause, limit=limit)


def _dead(db: Database, *, cause: str | None, limit: int) -> list[DeliveryRow]:
    from worker.store.letters import list_deliveries

    rows = list_deliveries(db, state="dead", limit=limit if cause is None else 10_000)
    return [row for row in rows if cause is None or row.cause == cause][:limit]


def _get(db: Database, delivery: int) -> DeliveryRow:
    from worker.store.letters import get_delivery

    row = get_delivery(db, delivery)
    if row is None:
        raise NotFound(f"There is no delivery d{delivery}. `hookdesk dead-letters list` lists the dead ones.")
    return row


def _would(rows: Sequence[DeliveryRow], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(shapes.delivery(row) for row in rows)
    else:
        for row in rows:
            click.echo(f"d{row.id} {row.source} {row.event or ''}: {row.cause}")
    click.echo(f"{len(rows)} {what}. Repeat with --yes to do it.", err=True)


def _request(request: RawRequest | None) -> dict[str, Any]:
    from worker.log import redact_text

    if request is None:
        return {}
    secret = ("authorization", "signature", "token", "cookie")
    headers = {
        name: "[redacted]" if any(word in name.lower() for word in secret) else redact_text(value)
        for name, value in request.headers.items()
    }
    return {"headers": headers, "body": request.body.decode("utf-8", "replace"), "truncated": request.truncated}
