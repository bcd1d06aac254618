"""What ends in words and an exit code on both databases, and never in a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from worker.cli.main import main
from worker.store.database import Database

Run = Callable[..., Result]


@pytest.fixture
def run(url: str, empty: Database, tmp_path: Path) -> Run:
    """A command on a database of its own, with all tables."""
    empty.migrate()
    env = {"HOOKDESK_DATABASE_URL": url, "HOOKDESK_DATA_DIR": str(tmp_path)}
    return lambda *words: CliRunner().invoke(main, words, env=env)


class TestWords:
    @pytest.mark.parametrize("words", [("deliveries", "--source"), ("activities", "list", "--kind")])
    def test_what_is_no_utf_8_is_a_usage_error(self, run: Run, words: tuple[str, ...]) -> None:
        result = run(*words, "caf\udce9")

        assert result.exit_code == 2, result.exception
        assert r"'caf\udce9' is not UTF-8" in result.stderr

    def test_a_reject_that_no_database_can_have(self, run: Run) -> None:
        result = run("verify", "--reject", "99999999999999999999")

        assert result.exit_code == 2
        assert "--reject" in result.stderr


class TestMigrate:
    def test_what_a_newer_version_has_migrated_is_left_alone(self, run: Run, empty: Database) -> None:
        with empty.write() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        result = run("migrate")

        assert result.exit_code == 4
        assert "A newer Hookdesk has migrated this database, to 9999" in result.stderr
        assert not empty.schema_is_current()
