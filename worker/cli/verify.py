"""`hookdesk verify`: would the door accept this request, and if not, why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.group import settings_of
from worker.cli.ids import LARGEST
from worker.cli.output import as_json, print_json
from worker.cli.saved_request import SavedRequest, parse_time, read_saved
from worker.cli.secrets import secret_file, secrets_for
from worker.errors import NotFound

if TYPE_CHECKING:
    from webhooks.diagnosis import Diagnosis
    from worker.config import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--reject",
    type=click.IntRange(1, LARGEST),
    metavar="ID",
    help="One of the last refused requests, instead of a file.",
)
@click.option("--rejects", "list_rejects", is_flag=True, help="List the last refused requests.")
@click.option(
    "--at", "arrived", metavar="TIME", help="When it arrived (ISO or epoch); default: what the file says, or now."
)
@click.option("--event", is_flag=True, help="It is one of our own outgoing events, as a target got it.")
@click.option("--target", metavar="NAME", help="With --event: the target that got it.")
@secret_file
@as_json
@click.pass_context
def verify(
    ctx: click.Context,
    file: Path | None,
    reject: int | None,
    list_rejects: bool,
    arrived: str | None,
    event: bool,
    target: str | None,
    secret_file: str | None,
    as_json: bool,
) -> int:
    """Say why the signature of a saved request fails. Exit code 0: it holds, 1: it does not.

    \b
    FILE is {"headers": {…}, "body": "…"} (or "body_base64"), or a raw HTTP request as text.
    """
    if list_rejects:
        _list_rejects(ctx, as_json=as_json)
        return 0
    if (file is None) == (reject is None):
        raise click.UsageError("Name a FILE, or one of `hookdesk verify --rejects` with --reject ID.", ctx)
    saved = read_saved(file) if file is not None else _rejected(ctx, reject or 0)
    at = _time(arrived) or saved.received_at or datetime.now(UTC)
    if event or target is not None:
        from worker.cli.verify_event import diagnose_event

        diagnosis = diagnose_event(settings_of(ctx), saved, target, secret_file, now=at)
    else:
        diagnosis = _diagnose(settings_of(ctx), saved, at, secret_file)
    if as_json:
        print_json([
            {"ok": diagnosis.is_ok, "reason": diagnosis.reason, "explanation": diagnosis.explanation,
             "remedy": diagnosis.remedy}
        ])  # fmt: skip
    else:
        click.echo(f"{diagnosis.reason}: {diagnosis.explanation}\n{diagnosis.remedy}")
    return 0 if diagnosis.is_ok else 1


def _diagnose(settings: Settings, saved: SavedRequest, arrived: datetime, file: str | None) -> Diagnosis:
    from webhooks.diagnosis import diagnose

    scheme = "standard" if "webhook-signature" in saved.headers else "chatwoot"
    return diagnose(
        saved.headers,
        saved.body,
        secrets_for(settings, scheme, file),
        now=arrived,
        tolerance=timedelta(seconds=settings.timestamp_tolerance_seconds),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as exc:
        raise click.UsageError(f"--at {text} is not a time. Write 2026-11-21T09:00:00Z or epoch seconds.") from exc


def _rejected(ctx: click.Context, reject: int) -> SavedRequest:
    from worker.cli.opening import database
    from worker.store import rejects

    with database(ctx) as db:
        found = rejects.get(db, reject)
    if found is None:
        raise NotFound(f"Reject {reject} is not kept. `hookdesk verify --rejects` lists those that are.")
    return SavedRequest({name.lower(): value for name, value in found.headers.items()}, found.body, found.at)


def _list_rejects(ctx: click.Context, *, as_json: bool) -> None:
    from worker.cli.opening import database
    from worker.cli.output import print_table
    from worker.store import rejects

    with database(ctx) as db:
        found = rejects.latest(db)
    columns = ("id", "at", "source", "endpoint", "reason")
    rows = [{name: getattr(each, name) for name in columns} for each in found]
    if as_json:
        print_json(rows)
    else:
        print_table(columns, (list(row.values()) for row in rows), empty="Nothing was refused.")
