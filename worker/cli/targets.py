"""`hookdesk targets`: where outgoing events go, and how each of them stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli.event_secrets import secrets_for, target_named, targets_of
from worker.cli.group import Guessing, settings_of
from worker.cli.opening import actor, database
from worker.cli.output import as_json, print_json, print_table
from worker.errors import Refused

if TYPE_CHECKING:
    from worker.config import Settings
    from worker.domain.policy import Target
    from worker.store.targets import Standing

_NAME = click.argument("name")


@click.group(cls=Guessing)
def targets() -> None:
    """Other systems that hear of events: a CRM, billing. They stand as [[targets]] in the policy file."""


@targets.command("list")
@as_json
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the targets and how they stand."""
    from worker.store.targets import Standing, standings

    settings: Settings = settings_of(ctx)
    configured = targets_of(settings)
    with database(ctx) as db:
        known = standings(db)
    rows = [_shape(settings, target, known.get(target.name, Standing(target.name))) for target in configured]
    if as_json:
        print_json(rows)
        return
    columns = ("name", "state", "why", "events", "url", "last_success_at", "failing_since")
    table = ([row[name] if name != "events" else " ".join(row[name]) or "all" for name in columns] for row in rows)
    print_table(columns, table, empty="No targets. Add [[targets]] to the policy file.")


@targets.command()
@as_json
def events(as_json: bool) -> None:
    """List the events that are offered, and what `data` of each holds."""
    from worker.domain.outgoing import OFFERED

    if as_json:
        print_json({"type": name, "about": one.about, "data": _data(one.fields)} for name, one in OFFERED.items())
        return
    rows = ((name, one.about, " ".join(_data(one.fields))) for name, one in OFFERED.items())
    print_table(("type", "when", "data"), rows, empty="")


@targets.command(short_help="Send a signed test event and show the answer.")
@_NAME
@click.pass_context
def test(ctx: click.Context, name: str) -> int:
    """Send a signed `hookdesk.ping` to the target NAME, also while it is switched off, and show the answer.

    Exit code 0: it was taken, 1: it was not, 3: nobody was reached.
    """
    from worker.cli.sign_event import ping, post, told, trial_id
    from worker.clients.webhook import Webhook, failure_of
    from worker.signing import standard_headers

    settings: Settings = settings_of(ctx)
    target, now = target_named(targets_of(settings), name), datetime.now(UTC)
    webhook = Webhook(trial_id(), "hookdesk.ping", now, ping(name))
    body, secrets = webhook.body(), secrets_for(settings, name, None)
    signed = standard_headers(secrets, body, message_id=webhook.id, timestamp=int(now.timestamp()))
    answer = post(target, target.url, {"Content-Type": "application/json", **signed}, body)
    failure = failure_of(answer, now=now.timestamp())
    click.echo(f"{told(answer)}\n{name} {'took it' if failure is None else 'did not take it'} ({webhook.id}).")
    return 0 if failure is None else 1


@targets.command(short_help="Switch a target on, and send what waits for it.")
@_NAME
@click.pass_context
def enable(ctx: click.Context, name: str) -> None:
    """Switch the target NAME on. Events that have waited for it go out, each under the id it always had."""
    from worker.store.targets import enable as switch_on
    from worker.store.targets import get

    with database(ctx) as db:
        if get(db, name).disabled_at is None:  # one that has left the policy may still be switched off
            target_named(targets_of(settings_of(ctx)), name)
        released = switch_on(db, name, actor=actor())
    click.echo(f"{name} is on; {len(released)} waiting event{'' if len(released) == 1 else 's'} will be sent.")


@targets.command(short_help="Switch a target off; its events wait.")
@_NAME
@click.option("--reason", help="Why; it is shown wherever its events are.")
@click.pass_context
def disable(ctx: click.Context, name: str, reason: str | None) -> None:
    """Switch the target NAME off. Its events wait for up to a week until it is switched on again."""
    from worker.store.targets import disable as switch_off

    target_named(targets_of(settings_of(ctx)), name)
    if not reason:
        raise click.UsageError('--reason is missing. Say why, for example --reason "CRM moves on Sunday".', ctx)
    with database(ctx) as db:
        if not switch_off(db, name, f"{actor()}: {reason}"):
            raise Refused(f"{name} is off already. `hookdesk targets list` says why.")
    click.echo(f"{name} is off; `hookdesk targets enable {name}` sends what waits.")


def _data(fields: tuple[str, ...]) -> list[str]:
    return ["ticket_id", "ticket", "reason", *fields]


def _shape(settings: Settings, target: Target, stands: Standing) -> dict[str, Any]:
    state, why = _state(settings, target, stands)
    return {
        "name": target.name,
        "state": state,
        "why": why,
        "url": target.url,
        "events": list(target.events),
        "allow_private": target.allow_private,
        "failures": stands.failures,
        "failing_since": stands.failing_since,
        "last_failure_at": stands.last_failure_at,
        "last_success_at": stands.last_success_at,
        "disabled_at": stands.disabled_at,
    }


def _state(settings: Settings, target: Target, stands: Standing) -> tuple[str, str | None]:
    """disabled, no_secret, failing or fine; and why."""
    from worker.clients.webhook import secrets_of

    if stands.disabled_at is not None:
        return "disabled", stands.cause
    if not secrets_of(target.name, settings.event_secrets):
        return "no_secret", "HOOKDESK_EVENT_SECRETS has no secret for it; nothing goes out unsigned"
    if stands.failing_since is not None:
        return "failing", f"{stands.failures} failures in a row; switched off after five days of them"
    return "fine", None
