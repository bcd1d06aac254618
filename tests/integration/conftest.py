"""Real processes on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.system import System, running
from tests.postgres import PostgresServer, require_binaries

_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database on each kind of store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hookdesk.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create(f"integration_{next(_numbers)}")


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A cluster that the test may stop."""
    server = PostgresServer(require_binaries())
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Starts a system with the named parts; it ends with the test."""
    with ExitStack() as stack:

        def _start(*parts: str, **options: Any) -> System:
            root = tmp_path / f"system-{next(_numbers)}"
            root.mkdir()
            return stack.enter_context(running(root, *parts, **options))

        yield _start
