"""A PostgreSQL that has become a standby: it answers and takes no writes, and everybody has to notice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest

from tests.integration.system import System, eventually
from tests.integration.test_crash_loses_nothing import assert_each_once, conversation, post_all
from tests.postgres import PostgresServer
from webhooks import spool
from worker.config import Settings
from worker.metrics_sql import SqlCollector


def readiness(system: System) -> str:
    """What the receiver says of itself."""
    return requests.get(f"{system.url}/readyz", timeout=5).text


def doctor(url: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HOOKDESK_DATABASE_URL": url}
    command = [sys.executable, "-m", "worker.cli.main", "doctor"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.mark.postgres
class TestFailedOver:
    def test_requests_are_spooled_the_operator_is_told_and_nothing_is_lost(
        self, start: Callable[..., System], own_postgres: PostgresServer
    ) -> None:
        url = own_postgres.create("hookdesk")
        system = start("web", "broker", "worker", "scheduler", database_url=url)
        own_postgres.demote()
        eventually(lambda: "degraded: spooling" in readiness(system), what="it noticed")

        posted = {str(n): conversation(8000 + n) for n in range(5)}
        assert post_all(system, posted) == set(posted)

        told = doctor(url)
        registry = CollectorRegistry()
        collector = SqlCollector(Settings(data_dir=system.root / "data", database_url=url, broker_url=None))
        registry.register(collector)
        shown = generate_latest(registry).decode()
        collector.close()
        waiting = spool.outstanding(spool.directory_of(system.root / "data"))
        own_postgres.promote()
        eventually(lambda: system.ledger().received == 5, within=30, what="spool drained")
        assert_each_once(system, posted)
        assert told.returncode == 3
        assert "takes no writes" in told.stdout
        assert "hookdesk_database_up 0.0" in shown
        assert waiting == 5
        assert '"status":"ready"' in readiness(system)
