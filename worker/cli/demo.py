"""`hookdesk demo`: a support day in about a minute, with nothing to set up."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.household import Household, household
from worker.ports import free_port

if TYPE_CHECKING:
    from worker.cli.demo_screen import Screen
    from worker.cli.demo_story import Story
    from worker.store.database import Database

PATIENCE_SECONDS = 150.0
ROSTER_SECONDS = 20.0


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here, to look at.")
def demo(data_dir: Path | None) -> int:
    """Run a support day in about a minute: forty conversations against a practice Chatwoot.

    Shown are a promise broken on purpose, a refund escalated, a holiday skipped in a clock, a survey held back after a
    reopen, a reroute when an agent leaves, and a survey answered. Exit code 0 when all were seen and nothing was lost.
    """
    from worker.cli.demo_screen import Screen

    with _folder(data_dir) as folder, Screen() as screen:
        screen.say("a support day in about a minute: SLA targets and the survey's delay are seconds here")
        with household(_environment(folder), practice=True, say=screen.say, logs=folder / "logs") as house:
            story = _play(house, screen) if house.wait_until_ready() else None
            if story is None:
                raise click.Abort
            screen.say("done; ending the processes")
        fine = screen.sum_up(story)
        story.db.dispose()
    if data_dir is not None:
        click.echo(
            f"\nEverything is kept. Look around with HOOKDESK_DATA_DIR={data_dir}, for example: hookdesk trace t1"
        )
    else:
        click.echo(
            "\nNext: `hookdesk up --practice` runs it for longer; `hookdesk demo --data-dir demo` keeps its data."
        )
    return 0 if fine else 1


def _play(house: Household, screen: Screen) -> Story | None:
    """Act until all is told; None when interrupted. What is missing after a while stays missing, and is told."""
    from worker.cli.demo_story import Story
    from worker.policy_file import load_policy
    from worker.store.database import Database
    from worker.wake import Publisher

    db = Database.open(house.settings.database_url)
    publisher = Publisher(house.settings.broker_url, origin="demo")
    policy = load_policy(house.settings.config)
    account_id = house.settings.chatwoot_account_id
    story = Story(db, house.settings.chatwoot_url or "", publisher, policy, account_id=account_id, say=screen.say)
    _wait_for_roster(house, db)
    story.begin()
    screen.follow(story)
    while story.act() and story.seconds < PATIENCE_SECONDS:
        if house.stopping.wait(0.05):
            return None
        house.supervisor.tend()
        screen.refresh()
    return story


def _wait_for_roster(house: Household, db: Database) -> None:
    """The first tickets should find agents; without a roster they would only reach a team."""
    from worker.store import people

    until = time.monotonic() + ROSTER_SECONDS
    while time.monotonic() < until and not house.stopping.wait(0.2):
        house.supervisor.tend()
        with db.read() as conn:
            if people.roster(conn, lock=False).agents:
                return


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the operator's own settings: the demo must not touch a real Chatwoot, database or broker."""
    policy = folder / "demo.toml"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    text = files("worker.cli").joinpath("demo_policy.toml").read_text("utf-8")
    policy.write_text(text.replace("{tomorrow}", tomorrow), "utf-8")
    own = {
        "HOOKDESK_DATA_DIR": str(folder),
        "HOOKDESK_CONFIG": str(policy),
        "HOOKDESK_PORT": str(free_port()),
        "HOOKDESK_API_PORT": "0",
        "HOOKDESK_METRICS_WEB_PORT": "0",
        "HOOKDESK_METRICS_WORKER_PORT": "0",
        "HOOKDESK_METRICS_SCHEDULER_PORT": "0",
        "HOOKDESK_EFFECTS": "live",
        "HOOKDESK_LOG_FORMAT": "json",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("HOOKDESK_")} | own


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        yield data_dir.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="hookdesk-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
