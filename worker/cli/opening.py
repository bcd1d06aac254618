"""Opening the store for a command: a clear sentence when it is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.group import settings_of
from worker.errors import ConfigError, DependencyDown

if TYPE_CHECKING:
    from worker.config import Settings
    from worker.domain.policy import Policy
    from worker.store.database import Database


@contextmanager
def database(ctx: click.Context) -> Iterator[Database]:
    """The store of this invocation, closed at the end. Raises DependencyDown when there is none yet."""
    from worker.store.database import Database

    settings: Settings = settings_of(ctx)
    refuse_missing_file(settings)
    db = Database.open(settings.database_url)
    try:
        yield db
    finally:
        db.dispose()


def policy_if_any(ctx: click.Context) -> Policy | None:
    """The policy file's; None when it is wrong, for what can be told without it."""
    from worker.policy_file import load_policy

    try:
        return load_policy(settings_of(ctx).config)
    except ConfigError:
        return None


def refuse_missing_file(settings: Settings) -> None:
    """A read must not leave an empty SQLite file behind where somebody only mistyped the folder."""
    path = sqlite_file(settings)
    if path is not None and not path.exists():
        raise DependencyDown(
            f"There is no database at {path}. Start Hookdesk with `hookdesk up`, make the tables with "
            "`hookdesk migrate`, or point HOOKDESK_DATA_DIR or HOOKDESK_DATABASE_URL at the right one."
        )


def sqlite_file(settings: Settings) -> Path | None:
    """The file of the embedded database, None for a server."""
    scheme, _, rest = settings.database_url.partition(":///")
    return Path(rest.partition("?")[0]) if scheme == "sqlite" and rest else None


def open_shortly(settings: Settings) -> Database:
    """For the doctor, who has little time for each check; the caller closes it."""
    from worker.store.database import Database

    return Database.open(settings.database_url, statement_timeout=1.5, connect_timeout=1)


def is_missing(settings: Settings) -> bool:
    """True for an embedded database that nobody has made yet."""
    file = sqlite_file(settings)
    return file is not None and not file.exists()


def actor() -> str:
    """Who asks, for the audit trail."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "cli"
