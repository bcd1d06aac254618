"""Real processes on SQLite and on PostgreSQL, with Valkey or with RabbitMQ."""

from __future__ import annotations

import itertools
from collections import Counter
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


_left_out = Counter[str]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `every_broker` run on a Valkey and on a RabbitMQ, all others on the one that was asked for."""
    if "broker_kind" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("only_on")
    if metafunc.config.getoption("--broker") == "rabbitmq" or (only and only.args[0] == "rabbitmq"):
        metafunc.parametrize("broker_kind", [RABBIT], indirect=True)
    elif metafunc.definition.get_closest_marker("every_broker"):
        metafunc.parametrize("broker_kind", ["valkey", RABBIT], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nothing is left out without a reason, which is told."""
    reasons = {item: _why_not(item, config.getoption("--broker")) for item in items}
    _left_out.update(reason for reason in reasons.values() if reason)
    config.hook.pytest_deselected(items=[item for item in items if reasons[item]])
    items[:] = [item for item in items if not reasons[item]]


def pytest_report_collectionfinish() -> list[str]:
    """Says what was left out."""
    return [f"left out, {reason}: {count}" for reason, count in sorted(_left_out.items())]


def _why_not(item: pytest.Item, asked: str) -> str | None:
    """Why this test does not run when this broker was asked for."""
    if asked == "valkey":
        pair = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        is_odd = pair.get("broker_kind") == "rabbitmq" and pair.get("database_url") == "sqlite"
        return "SQLite beside RabbitMQ, which nobody has: --broker rabbitmq runs it" if is_odd else None
    only = item.get_closest_marker("only_on")
    if only and only.args[0] != asked:
        return f"only on {' since '.join(only.args)}"
    return None if "broker_kind" in getattr(item, "fixturenames", ()) else "starts no broker"


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
def broker_kind(request: pytest.FixtureRequest) -> str:
    """valkey or rabbitmq."""
    return getattr(request, "param", "valkey")


@pytest.fixture
def broker(request: pytest.FixtureRequest, broker_kind: str) -> Broker | None:
    """The broker of this test's systems; None: a Valkey of each one's own."""
    return request.getfixturevalue("rabbitmq") if broker_kind == "rabbitmq" else None


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
