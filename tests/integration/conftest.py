"""Real processes on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.knocking import ApiDoor, Door
from tests.integration.system import System, free_port, running
from tests.integration.valkey import Broker
from tests.nginx import in_front_of
from tests.postgres import PostgresServer, require_binaries
from tests.rabbitmq import RabbitServer, require_rabbitmq

_numbers = itertools.count(1)
RABBIT = pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `every_broker` run on a Valkey and on a RabbitMQ; all others on a Valkey."""
    if metafunc.definition.get_closest_marker("every_broker"):
        metafunc.parametrize("broker", ["valkey", RABBIT], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Who runs a RabbitMQ has no SQLite: of tests on every store and broker that pair is left out."""
    pairs = {item: item.callspec.params for item in items if hasattr(item, "callspec")}
    odd = [item for item, pair in pairs.items()
           if pair.get("broker") == "rabbitmq" and pair.get("database_url") == "sqlite"]  # fmt: skip
    config.hook.pytest_deselected(items=odd)
    items[:] = [item for item in items if item not in odd]


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


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """One node for the whole run: it takes its time to start."""
    server = require_rabbitmq()
    yield server
    server.destroy()


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker | None:
    """The broker of this test's systems; None: a Valkey of each one's own."""
    return request.getfixturevalue("rabbitmq") if getattr(request, "param", "valkey") == "rabbitmq" else None


@pytest.fixture
def start(tmp_path: Path, broker: Broker | None) -> Iterator[Callable[..., System]]:
    """Starts a system with the named parts; it ends with the test."""
    with ExitStack() as stack:

        def _start(*parts: str, **options: Any) -> System:
            root = tmp_path / f"system-{next(_numbers)}"
            root.mkdir()
            return stack.enter_context(running(root, *parts, broker=broker, **options))

        yield _start


@pytest.fixture(scope="module", params=["alone", "behind nginx"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A receiver as it is configured by default, reached directly and through the nginx that is shipped.

    By `every_door` and `bare_door` also a ticket API.
    """
    root = tmp_path_factory.mktemp("door")
    with running(root, "api" if request.param == "ticket API" else "web") as system:
        if request.param == "ticket API":
            yield ApiDoor(system, system.api_port)
            return
        if request.param == "alone":
            yield Door(system, system.port)
            return
        port = free_port()
        with in_front_of(system.port, root / "nginx", listen=port):
            yield Door(system, port, is_behind_nginx=True)
