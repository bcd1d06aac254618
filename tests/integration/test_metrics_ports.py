"""The three metrics ports of a running Hookdesk: what Prometheus reads there is well formed and adds up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.system import System, eventually, free_port
from tests.integration.test_crash_loses_nothing import conversation
from tests.programs import needed

PARTS = ("web", "worker", "scheduler")


class TestPorts:
    def test_each_passes_promtool_and_all_processes_are_counted(self, start: Callable[..., System]) -> None:
        ports = {part: free_port() for part in PARTS}
        settings = {f"HOOKDESK_METRICS_{part.upper()}_PORT": str(port) for part, port in ports.items()}
        system = start("broker", *PARTS, settings=settings)
        for number in range(20):
            assert system.post(conversation(number + 1)).status_code == 200
        eventually(lambda: system.at_rest() and system.ledger().processed == 20)

        pages = {part: requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text for part, port in ports.items()}

        for part, page in pages.items():
            command = [needed("promtool"), "check", "metrics"]
            checked = subprocess.run(command, input=page, capture_output=True, text=True, timeout=30)
            assert checked.returncode == 0, f"{part}: {checked.stdout}{checked.stderr}"
        received = [
            _value(pages["web"], "hookdesk_webhooks_received_total", {"source": "chatwoot", "outcome": outcome})
            for outcome in ("accepted", "spooled")  # a busy machine may have needed the spool
        ]
        assert sum(received) == 20
        assert (
            _value(pages["worker"], "hookdesk_deliveries_total", {"source": "chatwoot", "outcome": "processed"}) == 20
        )
        assert _value(pages["scheduler"], "hookdesk_ledger_difference", {}) == 0


def _value(page: str, name: str, labels: dict[str, str]) -> float:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"{name}{labels} is not there")
