"""What every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer, require_binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL cluster for the whole run; each test makes a database of its own in it."""
    server = PostgresServer(require_binaries())
    server.start()
    yield server
    server.destroy()
