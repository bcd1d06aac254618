"""A fleet on PostgreSQL, on a network that exists only here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.machines.fleet import PARTS, Fleet
from tests.integration.machines.network import Machine, network, require_network
from tests.integration.valkey import Broker, ValkeyServer
from tests.postgres import PostgresServer, require_binaries
from tests.rabbitmq import require_rabbitmq


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    """One for every part."""
    require_network()
    with network(len(PARTS)) as made:
        yield made


@pytest.fixture
def database(machines: list[Machine]) -> Iterator[str]:
    """A PostgreSQL that the machines reach."""
    server = PostgresServer(require_binaries(), host=machines[0].host)
    server.start()
    yield server.create("hookdesk")
    server.destroy()


@pytest.fixture
def fleet_of(
    machines: list[Machine], database: str, broker_kind: str, tmp_path: Path
) -> Iterator[Callable[..., Fleet]]:
    """Starts the fleet on this kind of broker; on a failure its logs are printed."""
    with ExitStack() as stack:

        def _start(**settings: str) -> Fleet:
            is_rabbit = broker_kind == "rabbitmq"
            host = machines[0].host
            broker: Broker = require_rabbitmq(host=host) if is_rabbit else ValkeyServer(tmp_path, host=host)
            stack.callback(broker.destroy)
            fleet = Fleet(tmp_path, machines, database_url=database, broker=broker, settings=settings)
            stack.callback(_end, fleet)
            fleet.start_all()
            return fleet

        yield _start


def _end(fleet: Fleet) -> None:
    fleet.close()
    for name in fleet.machines:
        print(f"--- {name}\n{fleet.log_of(name)[-3000:]}")
