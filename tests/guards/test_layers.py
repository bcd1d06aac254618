"""Imports run one way, and the domain stays pure."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guards.repository import ROOT, modules, named

DOMAIN = modules("worker/domain")
IMPURE_CALLS = frozenset(
    {"now", "utcnow", "today", "getenv", "urandom", "sleep", "open", "print", "uuid4", "token_hex"}
)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


class TestLayers:
    def test_the_import_contracts_are_kept(self) -> None:
        lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]

        answer = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "0 broken" in answer.stdout


class TestDomain:
    def test_there_is_one(self) -> None:
        assert len(DOMAIN) > 5

    @pytest.mark.parametrize("path", DOMAIN, ids=named)
    def test_it_imports_nothing_but_itself_time_errors_and_the_standard_library(self, path: Path) -> None:
        foreign = {
            name
            for name in imported(ast.parse(path.read_text()))
            if name not in {"worker.clock", "worker.errors"}
            and not (path.name == "retry.py" and name.startswith("tenacity"))  # wait strategies: pure, too
            and not name.startswith("worker.domain")
            and name.partition(".")[0] not in sys.stdlib_module_names
        }

        assert foreign == set()

    @pytest.mark.parametrize("path", DOMAIN, ids=named)
    def test_it_reads_no_clock_no_environment_no_chance_and_no_file(self, path: Path) -> None:
        tree = ast.parse(path.read_text())

        assert set(called(tree)) & IMPURE_CALLS == set()
        assert set(imported(tree)) & {"os", "random", "secrets", "socket", "subprocess", "time", "threading"} == set()


class TestImporting:
    def test_no_module_starts_anything_when_imported(self) -> None:
        code = (
            "import importlib, pathlib, sys, threading\n"
            "for name in sys.argv[1:]: importlib.import_module(name)\n"
            "left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]\n"
            "sys.exit(f'threads: {left}' if left else 0)\n"
        )
        names = [
            named(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for path in modules("worker", "webhooks")
            if path.name != "__main__.py" and "migrations" not in path.parts
        ]

        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *names],
            cwd=ROOT,
            env={"PATH": "", "HOOKDESK_PORT": "not a number"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.returncode == 0, answer.stderr
        assert answer.stdout == ""
