"""The schema's history, packaged: run from code, with no file that a user could lose."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from worker.errors import Refused

_LOCK = 7_201_001  # an advisory lock's number is ours to choose


def upgrade(conn: Connection) -> None:
    """Run what is missing, in the caller's transaction; on PostgreSQL others wait for it.

    Raises Refused for a database that a newer version has migrated.
    """
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    config = _config()
    current = MigrationContext.configure(conn).get_current_revision()
    if current not in {None, *(one.revision for one in ScriptDirectory.from_config(config).walk_revisions())}:
        raise Refused(
            f"A newer Hookdesk has migrated this database, to {current}; this one knows no more than {head()}. Install "
            "the newer one again, or put the backup of before its migration back. Nothing was changed."
        )
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def is_current(conn: Connection) -> bool:
    """True when the newest revision, and no later one, has been run."""
    return MigrationContext.configure(conn).get_current_revision() == head()


@cache
def head() -> str | None:
    """The newest revision of this code."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
