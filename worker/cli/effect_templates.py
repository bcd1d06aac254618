"""`hookdesk effects templates` and `revoke`: texts that a person let go once for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from worker.cli.opening import actor, database
from worker.cli.output import as_json, cell, print_json, print_table, shortened
from worker.errors import NotFound, Refused

if TYPE_CHECKING:
    from worker.domain.effects import EffectKind
    from worker.store.approvals import Approval
    from worker.store.database import Database
    from worker.store.effects import StoredEffect

_SHOWN = 12  # hex digits of a template's name: enough to tell ours apart


@click.command()
@as_json
@click.pass_context
def templates(ctx: click.Context, as_json: bool) -> None:
    """List the templates that were let go once for all, the newest first."""
    from worker.store.approvals import all_approvals

    with database(ctx) as db:
        rows = all_approvals(db)
    if as_json:
        print_json(asdict(row) for row in rows)
        return
    print_table(
        ("template", "kind", "approved by", "at", "revoked", "text"),
        (
            (row.template[:_SHOWN], row.kind, row.actor, row.at, _revoked(row), shortened(row.text, 60))
            for row in rows
        ),
        empty="No template was let go once for all. `hookdesk effects approve e4 --template` does it.",
    )  # fmt: skip


@click.command(short_help="Have a template wait for approval again.")
@click.argument("template")
@click.option("--yes", is_flag=True, help="Do it. Without it you only see what would be done.")
@click.pass_context
def revoke(ctx: click.Context, template: str, yes: bool) -> None:
    """Take the approval of TEMPLATE back (its name, or how that begins). What has not gone out waits again."""
    from worker.store.approvals import revoke as revoke_template

    with database(ctx) as db:
        row = _named(db, template)
        if not yes:
            click.echo(f"{row.template[:_SHOWN]} ({row.kind}): {row.text}")
            click.echo("Its approval would be revoked. Repeat with --yes to do it.", err=True)
            return
        held = revoke_template(db, row.template, actor=actor())
    waits = f" Waiting again: {', '.join(f'e{each}' for each in held)}." if held else ""
    click.echo(f"{row.template[:_SHOWN]} is revoked.{waits}")


def approve_templates(db: Database, rows: Sequence[StoredEffect], *, actor: str, yes: bool) -> list[int]:
    """Let the templates of these effects go, or only show them; returns what else was released by it.

    Raises Refused, before anything is changed, for an effect that no template made.
    """
    from worker.domain.templates import template_of
    from worker.store.approvals import allow

    wanted: dict[tuple[EffectKind, str], None] = {}  # each once, in order
    for row in rows:
        text = template_of(row.kind, row.payload)
        if text is None:
            raise Refused(f"e{row.id} is a {row.kind} that no template made; approve it alone. Nothing was changed.")
        wanted[row.kind, text] = None
    if not yes:
        for kind, text in wanted:
            click.echo(f"The template of every {kind} with this text would go from now on: {text}", err=True)
        return []
    released = [effect for kind, text in wanted for effect in allow(db, kind, text, actor=actor)]
    return sorted(set(released))


def _named(db: Database, given: str) -> Approval:
    from worker.store.approvals import LEAST_PREFIX, all_approvals

    rows = [row for row in all_approvals(db) if row.template.startswith(given)]
    if len(given) < LEAST_PREFIX or not rows:
        raise NotFound(f"There is no approved template {given!r}. `hookdesk effects templates` lists them.")
    if len(rows) > 1:
        raise Refused(f"{given!r} begins the names of {len(rows)} templates. Write more of it. Nothing was changed.")
    if rows[0].revoked_at is not None:
        raise Refused(f"{rows[0].template[:_SHOWN]} was revoked at {cell(rows[0].revoked_at)}. Nothing was changed.")
    return rows[0]


def _revoked(row: Approval) -> str:
    return f"{cell(row.revoked_at)} by {row.revoked_by}" if row.revoked_at is not None else ""
