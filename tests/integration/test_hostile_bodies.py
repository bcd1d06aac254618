"""Every hostile body that is signed goes all the way: kept, and then a fact or a dead letter; nothing is held up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests

from tests.fuzz import corpus
from tests.fuzz.parsers import facts_of
from tests.integration.system import System, eventually, fixture
from tests.unit.webhooks.senders import STANDARD_SECRET, URL_TOKEN, send_from
from webhooks.sources.base import Source
from webhooks.sources.registry import SOURCES
from worker.store import letters

SETTINGS = {"HOOKDESK_EMAIL_SECRETS": STANDARD_SECRET, "HOOKDESK_CHATWOOT_URL_TOKEN": URL_TOKEN}
READ = {"facts", "ignored", "an answer"}


def becomes(source: Source, body: bytes) -> str | None:
    """The cause under which it has to be a dead letter, if it has to."""
    if len(body) > source.limit_bytes:
        return "too_large"
    outcome = facts_of(source.name, body)
    return None if outcome in READ else outcome


class TestHostileBodies:
    @pytest.mark.timeout(240)
    def test_each_is_a_fact_or_a_dead_letter(self, start: Callable[..., System], database_url: str) -> None:
        system = start("broker", "web", "worker", "scheduler", database_url=database_url, settings=SETTINGS)
        wanted: Counter[tuple[str, str]] = Counter()
        sent = 0

        for source in SOURCES:
            for name, body in corpus.bodies().items():
                request = send_from(source, body, at=datetime.now(UTC), delivery_id=name)
                answer = requests.post(system.url + request.path, data=body, headers=request.headers, timeout=5)
                assert answer.status_code == 200, (name, answer.text)
                sent += 1
                wanted.update((source.name, cause) for cause in [becomes(source, body)] if cause)
        assert system.post(fixture("01")).status_code == 200

        eventually(system.at_rest, within=90)
        ledger = system.ledger()
        found = {(dead.source, dead.cause): dead.count for dead in letters.dead_summary(system.db)}
        assert (ledger.received, ledger.difference, ledger.dead) == (sent + 1, 0, wanted.total())
        assert found == wanted
