"""A secret of webhooks is changed on a running Hookdesk: nothing is lost, and in the end the old one is out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import requests

from tests.integration.system import SECRET, System, eventually, fixture
from worker.signing import chatwoot_headers

NEW = "n3w-S3cr3t-0f-th3-w3bh00ks"
SETTING = "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS"


def signed(secret: str, number: int) -> tuple[bytes, dict[str, str]]:
    """A webhook as it leaves Chatwoot: signed now, arriving whenever it does."""
    body: dict[str, Any] = fixture("01")
    raw = json.dumps({**body, "id": number}).encode()
    return raw, chatwoot_headers(secret, raw, timestamp=int(time.time()), delivery_id=f"delivery-{number}")


def arrives(system: System, request: tuple[bytes, dict[str, str]]) -> int:
    raw, headers = request
    answer = requests.post(f"{system.url}/webhooks/chatwoot", data=raw, headers=headers, timeout=10)
    return answer.status_code


def restarted(system: System, secrets: str) -> None:
    system.stop("web")
    system.env[SETTING] = secrets
    system.start("web")


class TestRotation:
    def test_both_are_valid_until_the_old_one_is_taken_out(
        self, start: Callable[..., System], database_url: str
    ) -> None:
        system = start("broker", "web", "worker", "scheduler", database_url=database_url)
        codes = [arrives(system, signed(SECRET, 1)), arrives(system, signed(NEW, 2))]
        assert codes == [200, 401]
        on_its_way = signed(SECRET, 3)

        restarted(system, f"{NEW},{SECRET}")
        codes = [arrives(system, on_its_way), arrives(system, signed(NEW, 4)), arrives(system, signed(SECRET, 5))]
        assert codes == [200, 200, 200]
        assert arrives(system, signed(SECRET, 4)) == 200  # one delivery signed by either secret is one

        restarted(system, NEW)
        assert [arrives(system, signed(NEW, 6)), arrives(system, signed(SECRET, 7))] == [200, 401]

        eventually(system.at_rest)
        ledger = system.ledger()
        assert (ledger.received, ledger.processed, ledger.duplicate) == (6, 5, 1)
        assert (ledger.dead, ledger.difference) == (0, 0)
