"""Real processes on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.knocking import Door
from tests.integration.system import System, free_port, running
from tests.nginx import in_front_of
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


@pytest.fixture(scope="module", params=["alone", "behind nginx"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A receiver as it is configured by default, reached directly and through the nginx that is shipped."""
    root = tmp_path_factory.mktemp("door")
    with running(root, "web") as system:
        if request.param == "alone":
            yield Door(system, system.port, is_behind_nginx=False)
            return
        port = free_port()
        with in_front_of(system.port, root / "nginx", listen=port):
            yield Door(system, port, is_behind_nginx=True)
