"""One alert, one page; and what a page says can be done can be done."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from tests.guards.metrics_page import names
from tests.guards.pages import FOLDER, Page, alert_pages, pages, rules
from tests.guards.repository import ROOT, modules
from worker.cli.main import main
from worker.config import SETTINGS
from worker.store.database import Database

ALERTS = {rule["alert"]: rule for rule in rules()}
DOCUMENTS = [*pages(), Page(ROOT / "README.md")]
HEADINGS = Page(FOLDER / "TEMPLATE.md").headings
COMMANDS = sorted({command for page in DOCUMENTS for command in page.commands})


def called(page: Page) -> str:
    return page.path.name


def parse(command: click.Command, args: list[str], parent: click.Context | None = None) -> None:
    """Parse as click would, down to the last command, without running anything."""
    try:
        context = command.make_context(command.name or "", args, parent=parent)
    except click.exceptions.Exit:  # --help
        return
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        _, inner, left = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, left, context)


class TestAlertsAndPages:
    def test_each_alert_has_its_page_and_each_page_its_alert(self) -> None:
        assert {page.path.stem for page in alert_pages()} == set(ALERTS)

    @pytest.mark.parametrize("name", ALERTS)
    def test_the_rule_links_the_page_and_says_who_and_how_urgent(self, name: str) -> None:
        rule = ALERTS[name]
        page = Page(FOLDER / f"{name}.md")

        assert rule["annotations"]["runbook_url"] == f"runbooks/{name}.md"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["labels"]["service"] == "hookdesk"
        assert page.front["alert"] == name
        assert page.front["severity"] == rule["labels"]["severity"]
        assert page.front["owner"] == rule["labels"]["owner"]
        assert set(page.front) == {"alert", "severity", "owner", "drill", "last_drilled"}

    @pytest.mark.parametrize("name", ALERTS)
    def test_the_rule_waits_compares_and_uses_known_metrics(self, name: str) -> None:
        rule = ALERTS[name]

        assert rule["for"]
        assert re.search(r"[<>]|==|!=", rule["expr"])
        assert set(re.findall(r"hookdesk_\w+", rule["expr"])) <= names()

    def test_the_index_lists_every_alert_with_its_severity(self) -> None:
        index = Page(FOLDER / "README.md").text

        for name, rule in ALERTS.items():
            assert f"| [{name}]({name}.md) | {rule['labels']['severity']} |" in index

    @pytest.mark.parametrize("page", alert_pages(), ids=called)
    def test_the_page_follows_the_template(self, page: Page) -> None:
        assert page.headings == HEADINGS
        assert "hookdesk" in page.text.split("## First command")[1].split("##")[0]


class TestStatements:
    @pytest.mark.parametrize("page", DOCUMENTS, ids=called)
    def test_links_lead_somewhere(self, page: Page) -> None:
        assert [link for link in page.links if not (page.path.parent / link).exists()] == []

    @pytest.mark.parametrize("page", DOCUMENTS, ids=called)
    def test_links_into_a_page_meet_a_heading(self, page: Page) -> None:
        missed = [
            f"{link}#{anchor}"
            for link, anchor in page.anchors
            if anchor not in Page((page.path.parent / link).resolve()).own_anchors
        ]

        assert missed == []

    def test_the_readme_leads_to_the_decisions_by_their_headings(self) -> None:
        assert len(Page(ROOT / "README.md").anchors) >= 6

    def test_pages_named_in_the_code_exist(self) -> None:
        named_pages = {
            page
            for path in modules("worker", "webhooks")
            for page in re.findall(r"runbooks/([\w-]+\.md)", path.read_text("utf-8"))
        }

        assert [page for page in sorted(named_pages) if not (FOLDER / page).exists()] == []
        assert named_pages

    @pytest.mark.parametrize("command", COMMANDS)
    def test_commands_exist(self, command: str) -> None:
        program, *args = shlex.split(command, comments=True)

        assert program == "hookdesk"
        parse(main, args)

    def test_commands_that_do_not_exist_would_be_found(self) -> None:
        with pytest.raises(click.UsageError):
            parse(main, ["ledger", "--no-such-option"])
        with pytest.raises(click.UsageError):
            parse(main, ["dead-letters", "resurrect", "d17"])

    @pytest.mark.parametrize("page", DOCUMENTS, ids=called)
    def test_metrics_exist(self, page: Page) -> None:
        mentioned = {word for word in page.words(r"hookdesk_[a-z_]+") if not word.endswith("_")}

        assert mentioned - names() == set()

    @pytest.mark.parametrize("page", DOCUMENTS, ids=called)
    def test_settings_exist(self, page: Page) -> None:
        known = {setting.name for setting in SETTINGS} | {f"{one.name}_FILE" for one in SETTINGS if one.secret}
        mentioned = page.words(r"HOOKDESK_[A-Z_]*[A-Z](?![A-Z_…])")

        assert mentioned - known == set()

    def test_sql_runs_on_the_real_tables(self, tmp_path: Path) -> None:
        db = Database.open(f"sqlite:///{tmp_path / 'desk.db'}")
        db.migrate()
        statements = [block for page in pages() for block in page.blocks("sql")]

        with db.read() as conn:
            for statement in statements:
                conn.execute(text(statement))

        db.dispose()
        assert len(statements) >= len(ALERTS) - 2

    def test_the_line_for_sqlite_keeps_what_a_page_has_it_write(self, tmp_path: Path) -> None:
        db = Database.open(f"sqlite:///{tmp_path / 'data' / 'hookdesk.db'}")
        db.migrate()
        [line] = [block for block in Page(FOLDER / "OVERVIEW.md").blocks("text") if block.startswith("python3")]
        [booking] = [block for block in Page(FOLDER / "LedgerDoesNotAddUp.md").blocks("text") if "INSERT" in block]
        python, *arguments, _ = shlex.split(line)
        assert python == "python3"

        subprocess.run([sys.executable, *arguments, booking], cwd=tmp_path, check=True)

        with db.read() as conn:
            counted = conn.execute(text("SELECT kind, source, n FROM receipt_counts")).all()
        db.dispose()
        assert counted == [("reconciled", "chatwoot", -1)]
