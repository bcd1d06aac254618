"""`hookdesk config`: are the settings right, and which are in force."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click

from worker.cli.group import Guessing
from worker.cli.output import as_json, print_json, print_table
from worker.config import SETTINGS, Setting, Settings, read_secrets, unknown, values_of
from worker.errors import ConfigError
from worker.shapes import plain

_GIVEN = ("environment", "file", "secrets.env")


@click.group(cls=Guessing)
def config() -> None:
    """Settings (HOOKDESK_*) and the policy file."""


@config.command()
def check() -> int:
    """Check settings and policy file; tells every mistake at once. Exit code 0 fine, 1 doubtful, 2 wrong."""
    from worker.policy_file import load_policy

    for sentence in (doubts := unknown()):
        click.echo(sentence)
    values, mistakes = values_of()
    file = values.get("config")
    try:
        policy = load_policy(file if file is not None and file.is_file() else None)
    except ConfigError as exc:
        raise ConfigError([*mistakes, *exc.mistakes]) from exc
    if mistakes:
        raise ConfigError(mistakes)
    click.echo(f"The settings are right. Policy {policy.version} from {file or 'built-in defaults'}.")
    return 1 if doubts else 0


@config.command()
@as_json
def show(as_json: bool) -> None:
    """Every setting: its value, where that comes from, and what it is for. Secrets are not shown.

    What is wrong has no value here, and is told at the end. Exit code 2.
    """
    values, mistakes = values_of()
    settings = Settings(**values)
    kept: dict[str, str] = {}
    with suppress(OSError):  # a mistake by now
        kept = read_secrets(settings.data_dir)
    rows = [_row(setting, getattr(settings, setting.field), kept) for setting in SETTINGS]
    for setting, row in zip(SETTINGS, rows, strict=True):
        if setting.field not in values and row["origin"] in _GIVEN:
            row["value"] = None
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "value", "origin", "help")
        print_table(columns, ([row[key] for key in columns] for row in rows), empty="")
    if mistakes:
        raise ConfigError(mistakes)


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
