"""`hookdesk effects`: what goes out; a person may let it go or call it off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli import effect_words, words
from worker.cli.effect_templates import approve_templates, revoke, templates
from worker.cli.group import Guessing
from worker.cli.ids import EFFECT, TICKET
from worker.cli.opening import actor, database
from worker.cli.output import as_json, cell, limited, print_json, print_table, shortened
from worker.domain.effects import CUSTOMER_FACING, EffectKind, EffectState
from worker.errors import NotFound, Refused

if TYPE_CHECKING:
    from worker.store.database import Database
    from worker.store.effects import StoredEffect

_IDS = click.argument("ids", type=EFFECT, nargs=-1)
_YES = click.option("--yes", is_flag=True, help="Do it. Without it you only see what would be done.")


@click.group(cls=Guessing)
def effects() -> None:
    """What Hookdesk asks of the outside: assignments, notes, replies, surveys, events."""


@effects.command("list")
@click.option("--state", type=click.Choice([state.value for state in EffectState]), help="Only these.")
@click.option("--kind", type=click.Choice([kind.value for kind in EffectKind]), help="Only these.")
@click.option("--ticket", type=TICKET, help="Only those of this ticket (t9).")
@limited
@as_json
@click.pass_context
def list_(
    ctx: click.Context, state: str | None, kind: str | None, ticket: int | None, limit: int, as_json: bool
) -> None:
    """List effects, the newest first."""
    from worker.store.effects import list_effects

    with database(ctx) as db:
        rows = list_effects(db, state=state, kind=kind, ticket=ticket, limit=limit)
    _print(rows, as_json=as_json, empty="No effects.")


@effects.command()
@click.argument("effect", type=EFFECT)
@as_json
@click.pass_context
def show(ctx: click.Context, effect: int, as_json: bool) -> None:
    """Show EFFECT (e4): what it would say or do, and every try."""
    from worker.store.audit import attempts_of
    from worker.store.effects import get

    with database(ctx) as db:
        row = get(db, effect)
        tries = attempts_of(db, f"e{effect}")
    if row is None:
        raise NotFound(f"There is no effect e{effect}. `hookdesk effects list` lists them.")
    if as_json:
        more = {"lane": row.lane, "payload": dict(row.payload), "detail": row.detail, "result": row.result}
        print_json([{**shapes.effect(row), **more, "tries": [_try(each) for each in tries]}])
        return
    click.echo(f"e{row.id} {row.kind} of t{row.ticket_id} on {row.lane}, decided as {row.decision}: {row.state}")
    waits = row.state in ("pending", "retry")
    for name, value in (
        ("why", words.cause(row.cause, row.detail)),
        ("next try", row.next_at if waits else None),
        ("expires", row.expires_at if waits or row.state in ("approval", "no_target") else None),
        ("ended", row.done_at),
    ):
        if value:
            click.echo(f"  {name}: {cell(value)}")
    for name, value in row.payload.items():
        click.echo(f"  {name}: {cell(value)}")
    print_table(
        ("  try", "at", "outcome", "why"),
        ((f"  {each.n}", each.at, each.outcome, words.cause(each.cause, each.detail)) for each in tries),
        empty="  not tried yet",
    )


@effects.command(short_help="Let go what waits for approval.")
@_IDS
@click.option("--all", "everything", is_flag=True, help="All that wait for approval.")
@click.option("--template", is_flag=True, help="Their templates too: what has the same text goes from now on.")
@_YES
@as_json
@click.pass_context
def approve(
    ctx: click.Context, ids: tuple[int, ...], everything: bool, template: bool, yes: bool, as_json: bool
) -> None:
    """Let IDS go that wait for approval (e4 e5 …). Whether they are still wanted is checked again before sending."""
    from worker.store.effects import approve as approve_effects

    with database(ctx) as db:
        rows = _chosen(db, ids, everything=everything, states=("approval", "no_target"), act="approved")
        released = approve_templates(db, rows, actor=actor(), yes=yes) if template else []
        if not yes:
            _announce(rows, "would be approved", as_json=as_json)
            return
        done = sorted({*released, *approve_effects(db, [row.id for row in rows], actor=actor())})
        _print(_again(db, done), as_json=as_json, empty="Nothing waited for approval.")


@effects.command(short_help="Call off what has not been performed.")
@_IDS
@click.option("--reason", help="Why; it is kept.")
@_YES
@as_json
@click.pass_context
def cancel(ctx: click.Context, ids: tuple[int, ...], reason: str | None, yes: bool, as_json: bool) -> None:
    """Call IDS off (e4 e5 …), as long as they have not been performed."""
    from worker.store.effects import cancel as cancel_effects

    with database(ctx) as db:
        rows = _chosen(db, ids, everything=False, states=("approval", "no_target", "pending", "retry"), act="cancelled")
        if not yes:
            _announce(rows, "would be cancelled", as_json=as_json)
            return
        if not reason:
            raise click.UsageError('--reason is missing. Say why, for example --reason "customer called".', ctx)
        done = cancel_effects(db, [row.id for row in rows], actor=actor(), reason=reason)
        _print(_again(db, done), as_json=as_json, empty="Nothing was left to cancel.")


effects.add_command(templates)
effects.add_command(revoke)


def _chosen(
    db: Database, ids: Sequence[int], *, everything: bool, states: Sequence[str], act: str
) -> list[StoredEffect]:
    """The named ones; raises NotFound or Refused rather than doing half of what was asked."""
    from worker.store.effects import get, list_effects

    if everything:
        return list_effects(db, state="approval", limit=10_000)
    if not ids:
        raise click.UsageError("Name at least one effect, for example e4. `hookdesk effects list` lists them.")
    rows = []
    for effect in dict.fromkeys(ids):
        row = get(db, effect)
        if row is None:
            raise NotFound(f"There is no effect e{effect}. `hookdesk effects list` lists them.")
        if row.state not in states:
            allowed = f"{', '.join(states[:-1])} or {states[-1]}"
            raise Refused(f"e{effect} is {row.state}; only what is {allowed} can be {act}. Nothing was changed.")
        rows.append(row)
    return rows


def _again(db: Database, ids: Sequence[int]) -> list[StoredEffect]:
    from worker.store.effects import get

    return [row for row in (get(db, effect) for effect in ids) if row is not None]


def _announce(rows: Sequence[StoredEffect], what: str, *, as_json: bool) -> None:
    _print(rows, as_json=as_json, empty="Nothing to do.")
    if rows:
        click.echo(f"{len(rows)} {what}. Repeat with --yes to do it.", err=True)


def _print(rows: Sequence[StoredEffect], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(shapes.effect(row) for row in rows)
        return
    print_table(
        ("id", "ticket", "kind", "on", "what", "state", "tries", "next try", "why"),
        (
            (f"e{row.id}", f"t{row.ticket_id}", row.kind, row.lane, what(row), row.state, row.attempts,
             row.next_at if row.state in ("pending", "retry") else None, words.cause(row.cause, row.detail))
            for row in rows
        ),
        empty=empty,
    )  # fmt: skip


def what(row: StoredEffect) -> str:
    """What it sets or is about, in one line; of what a customer would see, the text."""
    text = row.payload.get("text") if row.kind in CUSTOMER_FACING else None
    return shortened(str(text or effect_words.asked_for(row)), 60)


def _try(each: Any) -> dict[str, Any]:
    return {"n": each.n, "at": each.at, "outcome": each.outcome, "cause": each.cause, "detail": each.detail}
