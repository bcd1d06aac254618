"""The frame of the command line: help, suggestions, and one place where errors become words and exit codes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.unit.cli.conftest import Run
from worker.cli.group import Root
from worker.cli.main import main
from worker.desk import Desk
from worker.errors import ConfigError, DependencyDown, HookdeskError, NotFound, Refused


class TestFiles:
    def test_a_folder_that_cannot_be_made_is_told_without_a_traceback(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        result = run("demo", "--data-dir", str(tmp_path / "file" / "x"))

        assert result.exit_code == 3
        assert str(tmp_path / "file") in result.stderr and "Not a directory" in result.stderr


class TestHelp:
    def test_a_bare_hookdesk_shows_three_examples(self, run: Run) -> None:
        result = run()

        assert result.exit_code == 0
        assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("  hookdesk")] == [
            "demo",
            "up",
            "trace",
        ]

    def test_every_command_is_listed_loads_and_explains_itself(self, run: Run) -> None:
        listed = run("--help").stdout

        context = click.Context(main)
        for name in main.list_commands(context):
            command = main.get_command(context, name)
            assert f"  {name} " in listed
            assert command is not None and command.help

    def test_what_only_up_needs_is_not_listed(self, run: Run) -> None:
        assert "practice " not in run("--help").stdout.replace("practice Chatwoot", "")

    @pytest.mark.parametrize(
        ("words", "likely"),
        [
            (("tikets",), "hookdesk tickets"),
            (("doctr",), "hookdesk doctor"),
            (("dead-letters", "reply"), "hookdesk dead-letters replay"),
            (("config", "shw"), "hookdesk config show"),
        ],
    )
    def test_an_unknown_command_gets_a_suggestion(self, run: Run, words: tuple[str, ...], likely: str) -> None:
        result = run(*words)

        assert result.exit_code == 2
        assert f"Did you mean `{likely}`?" in result.stderr

    def test_a_hopeless_word_is_sent_to_the_help(self, run: Run) -> None:
        assert "`hookdesk --help` lists them" in run("xyzzyx").stderr


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ConfigError(["HOOKDESK_PORT is wrong"]), 2),
            (NotFound("nothing there"), 1),
            (Refused("not now"), 4),
            (DependencyDown("the broker is away"), 3),
            (HookdeskError("whatever"), 1),
        ],
    )
    def test_each_kind_has_its_exit_code_and_its_words(self, error: HookdeskError, code: int) -> None:
        def fail() -> None:
            raise error

        root = Root("root", sections={}, concealed={}, callback=fail, invoke_without_command=True)

        result = CliRunner().invoke(root, [])

        assert result.exit_code == code
        assert str(error) in result.stderr
        assert result.stdout == ""

    def test_wrong_settings_are_told_all_at_once(self, run: Run) -> None:
        result = run("tickets", HOOKDESK_PORT="x", HOOKDESK_EFFECTS="y")

        assert result.exit_code == 2
        assert "2 mistakes" in result.stderr
        assert "HOOKDESK_PORT" in result.stderr and "HOOKDESK_EFFECTS" in result.stderr

    def test_a_store_that_was_never_made_is_a_dependency_that_is_down(self, run: Run, tmp_path: Path) -> None:
        result = run("tickets")

        assert result.exit_code == 3
        assert "hookdesk up" in result.stderr
        assert not (tmp_path / "data").exists()

    def test_a_store_without_tables_says_migrate(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "hookdesk.db").touch()

        result = run("tickets")

        assert result.exit_code == 3
        assert "hookdesk migrate" in result.stderr

    @pytest.mark.parametrize("command", ["tickets", "ledger", "migrate"])
    def test_a_file_that_is_no_database_is_told_without_a_traceback(
        self, run: Run, tmp_path: Path, command: str
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "hookdesk.db").write_bytes(b"not a database, " * 100)

        result = run(command)

        assert result.exit_code == 3
        assert "file is not a database" in result.stderr and "runbooks/DatabaseDown.md" in result.stderr

    def test_so_is_one_that_is_damaged(self, run: Run, desk: Desk, tmp_path: Path) -> None:
        file = tmp_path / "data" / "hookdesk.db"
        desk.db.dispose()
        kept = file.read_bytes()
        file.write_bytes(kept[:4096] + b"\xff" * (len(kept) - 4096))

        result = run("tickets")

        assert result.exit_code == 3
        assert "is malformed" in result.stderr

    def test_a_server_that_is_away_is_told_without_a_traceback(self, run: Run) -> None:
        result = run("ledger", HOOKDESK_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

        assert result.exit_code == 3
        assert "cannot be reached" in result.stderr
        assert "Traceback" not in result.stderr


class TestMigrate:
    def test_it_makes_the_tables_and_may_be_repeated(self, run: Run) -> None:
        assert run("migrate").exit_code == 0
        assert run("migrate").exit_code == 0
        assert run("tickets").exit_code == 0
