"""What every kind of test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.postgres import PostgresServer, require_binaries

# A busy machine is no fault of what is tested: no test of properties judges time.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What tests/integration makes of it stands in the conftest.py there."""
    words = (
        "rabbitmq: of all tests only those that start a broker, on a RabbitMQ; what is left out is counted by reason"
    )
    parser.addoption("--broker", choices=("valkey", "rabbitmq"), default="valkey", help=words)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have Hookdesk's settings in their shell."""
    for name in [name for name in os.environ if name.startswith("HOOKDESK_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL cluster for the whole run; each test makes a database of its own in it."""
    server = PostgresServer(require_binaries())
    server.start()
    yield server
    server.destroy()
