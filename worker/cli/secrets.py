"""Where a command gets a secret from: the settings, a file or stdin; never the command line, which others can read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.errors import ConfigError

if TYPE_CHECKING:
    from worker.config import Settings

secret_file = click.option(
    "--secret-file",
    metavar="FILE",
    help="Read the secret from FILE, or from stdin with -; default: the settings.",
)


def secrets_for(settings: Settings, scheme: str, file: str | None) -> tuple[str, ...]:
    """The secrets of this scheme, newest first. Raises ConfigError when there are none."""
    if file is not None:
        return (read_secret(file),)
    found = settings.email_secrets if scheme == "standard" else settings.chatwoot_webhook_secrets
    if not found:
        name = "HOOKDESK_EMAIL_SECRETS" if scheme == "standard" else "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS"
        raise ConfigError(
            [f"{name} is not set. `hookdesk up` generates Chatwoot's; --secret-file FILE gives one (- is stdin)."]
        )
    return found


def read_secret(file: str) -> str:
    """The first line of a file, or of stdin for `-`. Raises a usage error when there is none."""
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise click.UsageError(f"--secret-file {file} cannot be read: {exc}.") from exc
    if not text.strip():
        raise click.UsageError(f"--secret-file {file} is empty.")
    return text.strip()
