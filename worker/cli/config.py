"""`hookdesk config`: are the settings right, and which are in force."""

from __future__ import annotations

import os
from typing import Any

import click

from worker.cli.group import Guessing, settings_of
from worker.cli.output import as_json, print_json, print_table
from worker.config import SETTINGS, Setting, read_secrets, unknown
from worker.shapes import plain


@click.group(cls=Guessing)
def config() -> None:
    """Settings (HOOKDESK_*) and the policy file."""


@config.command()
@click.pass_context
def check(ctx: click.Context) -> int:
    """Check settings and policy file; tells every mistake at once. Exit code 0 fine, 1 doubtful, 2 wrong."""
    from worker.policy_file import load_policy

    settings = settings_of(ctx)
    policy = load_policy(settings.config)
    where = settings.config or "built-in defaults"
    for sentence in (doubts := unknown()):
        click.echo(sentence)
    click.echo(f"The settings are right. Policy {policy.version} from {where}.")
    return 1 if doubts else 0


@config.command()
@as_json
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """Every setting: its value, where that comes from, and what it is for. Secrets are not shown."""
    settings = settings_of(ctx)
    kept = read_secrets(settings.data_dir)
    rows = [_row(setting, getattr(settings, setting.field), kept) for setting in SETTINGS]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "value", "origin", "help")
        print_table(columns, ([row[key] for key in columns] for row in rows), empty="")


def _row(setting: Setting, value: Any, kept: dict[str, str]) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": _shown(setting, value),
        "origin": _origin(setting, value, kept),
        "default": setting.default_text,
        "help": setting.help,
    }


def _shown(setting: Setting, value: Any) -> Any:
    if setting.field == "database_url":
        from sqlalchemy.engine import make_url

        return make_url(value).render_as_string(hide_password=True)
    if setting.secret:
        count = len(value) if isinstance(value, tuple) else int(value is not None)
        return f"set ({count})" if count else "not set"
    return value if isinstance(value, int | float | str) or value is None else plain(value)


def _origin(setting: Setting, value: Any, kept: dict[str, str]) -> str:
    if os.environ.get(setting.name, "").strip():
        return "environment"
    if setting.secret and os.environ.get(f"{setting.name}_FILE", "").strip():
        return "file"
    if setting.secret and setting.name in kept:
        return "secrets.env"
    if setting.field == "broker_url" and value:
        return "broker.url"
    return "found" if setting.field == "config" and value else "default"
