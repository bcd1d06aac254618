"""The processes: web, api, worker and scheduler, each in the foreground; and the migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli.group import settings_of
from worker.cli.sign import local_url
from worker.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from worker.config import Settings
    from worker.practice.world import World


@click.command()
@click.pass_context
def web(ctx: click.Context) -> None:
    """Run the receiver: answer webhooks and show surveys, until SIGTERM."""
    settings = _begin(ctx, "web")
    from webhooks.serve import serve

    serve(settings)


@click.command()
@click.pass_context
def api(ctx: click.Context) -> None:
    """Run the ticket API on its private port, until SIGTERM."""
    settings = _begin(ctx, None)
    if not settings.api_port:
        raise ConfigError(["HOOKDESK_API_PORT is 0, which turns the ticket API off. Give it a port, for example 8001."])
    from worker.api.serve import serve

    serve(settings)


@click.command()
@click.pass_context
def worker(ctx: click.Context) -> int:
    """Run the worker: process deliveries, fire timers, perform effects, until SIGTERM."""
    settings = _begin(ctx, "worker")
    from worker.tasks.main import run

    return run(settings) or 0


@click.command()
@click.pass_context
def scheduler(ctx: click.Context) -> None:
    """Run the scheduler: wake what is due, until SIGTERM. Any number may run."""
    settings = _begin(ctx, None)
    from worker.scheduler import main

    main(settings)


@click.command()
@click.pass_context
def migrate(ctx: click.Context) -> None:
    """Bring the database up to date. Safe to repeat, and from several machines at once."""
    from worker.store.database import Database

    settings: Settings = settings_of(ctx)
    db = Database.open(settings.database_url, statement_timeout=600)
    try:
        db.migrate()
    finally:
        db.dispose()
    click.echo("The database is up to date.")


@click.command()
@click.option("--port", type=int, required=True)
@click.pass_context
def practice(ctx: click.Context, port: int) -> None:
    """Run the practice Chatwoot. Token and secret come from the settings, never from the command line."""
    import signal
    import threading

    from worker.practice.server import PracticeChatwoot

    settings: Settings = settings_of(ctx)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    chatwoot = PracticeChatwoot(
        port=port,
        token=settings.chatwoot_token or "",
        webhook_url=f"{local_url(settings)}/webhooks/chatwoot",
        secret=settings.chatwoot_webhook_secrets[0],
        account_id=settings.chatwoot_account_id,
    )
    _skip_used_numbers(chatwoot.world, settings.data_dir / "practice.runs")
    with chatwoot:
        stopping.wait()


def _skip_used_numbers(world: World, file: Path) -> None:
    """It forgets everything when it ends, Hookdesk does not: a new run must not reuse the numbers of an old one."""
    runs = int(file.read_text("ascii")) if file.exists() else 0
    file.write_text(str(runs + 1), "ascii")
    for kind, most in (("conversation", 1_000), ("message", 20_000), ("contact", 1_000)):
        for _ in range(runs * most):
            world.next_id(kind)


def _begin(ctx: click.Context, service: str | None) -> Settings:
    """Settings and policy are checked before anything starts; the metrics folder comes before prometheus_client."""
    from worker.metrics_dir import folder, prepare_multiprocess
    from worker.policy_file import load_policy

    settings: Settings = settings_of(ctx)
    load_policy(settings.config)
    if service is not None:
        prepare_multiprocess(folder(settings.data_dir, service))
    from worker import log

    log.configure(settings)
    return settings
