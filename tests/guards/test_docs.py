"""What is written agrees with what is there; and nothing grows past what a reader can hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.guards.metrics_page import names, render
from tests.guards.pages import FOLDER
from tests.guards.repository import CODE, ROOT, modules, named
from worker import __version__
from worker.config import SETTINGS

README = (ROOT / "README.md").read_text("utf-8")
MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_FUNCTION = 50


def settings_table() -> str:
    """What the README must hold, from the settings themselves."""
    rows = [f"| `{setting.name}` | {setting.default_text} | {setting.help} |" for setting in SETTINGS]
    return "\n".join(["| setting | default | for |", "|---|---|---|", *rows]).replace("<", "\\<")  # not HTML


class TestSettings:
    def test_the_readme_lists_exactly_the_settings_there_are(self) -> None:
        found = re.search(r"<!-- settings -->\n(.*?)\n<!-- end of settings -->", README, re.DOTALL)

        assert found is not None
        assert found[1] == settings_table(), f"put this between the two marks:\n{settings_table()}"


class TestMetrics:
    def test_the_page_is_what_the_code_says(self) -> None:
        page = (FOLDER / "METRICS.md").read_text("utf-8")

        assert page == render(), "python -m tests.guards.metrics_page > runbooks/METRICS.md"

    @pytest.mark.parametrize("path", modules("worker"), ids=named)
    def test_metrics_are_declared_in_two_places_only(self, path: Path) -> None:
        declares = re.search(r'"hookdesk_[a-z_]+(_total|_seconds|_bytes)"', path.read_text("utf-8"))

        assert declares is None or path.name in {"metrics.py", "metrics_sql.py"}

    @pytest.mark.parametrize("name", sorted(names()))
    def test_each_counted_metric_is_counted_somewhere(self, name: str) -> None:
        declaration = re.search(
            rf'^(\w+) = _(?:counter|histogram)\(\s*"{name}"', (ROOT / "worker/metrics.py").read_text(), re.MULTILINE
        )
        if declaration is None:
            return  # read from the database
        uses = [path for path in modules(*CODE) if re.search(rf"\bmetrics\.{declaration[1]}\b", path.read_text())]

        assert uses, f"{declaration[1]} is declared and never used"


class TestSizes:
    @pytest.mark.parametrize("path", modules(*CODE, "tests"), ids=named)
    def test_modules_and_functions_stay_short(self, path: Path) -> None:
        source = path.read_text("utf-8")
        functions = [
            (node.name, (node.end_lineno or 0) - node.lineno + 1)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

        lines_of_the_module = source.count("\n")
        assert lines_of_the_module <= MOST_LINES_OF_A_MODULE
        assert [(name, lines) for name, lines in functions if lines > MOST_LINES_OF_A_FUNCTION] == []

    @pytest.mark.parametrize("path", modules(*CODE), ids=named)
    def test_every_module_says_what_it_is_for(self, path: Path) -> None:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "a module begins with a sentence"


class TestVersion:
    def test_the_changelog_knows_the_version(self) -> None:
        changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")

        assert f"## [{__version__}]" in changelog or "## [Unreleased]" in changelog
