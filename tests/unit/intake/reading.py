"""How these tests read fixtures and parse bodies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from worker.domain.facts import Parsed
from worker.intake.registry import parse

FIXTURES = Path(__file__).parents[2] / "fixtures"
RECEIVED_AT = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@cache
def raw(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def body(number: str) -> dict[str, Any]:
    """A fresh copy of the Chatwoot fixture with this number."""
    path = next((FIXTURES / "chatwoot").glob(f"{number}_*.json"))
    return json.loads(raw(f"chatwoot/{path.name}"))


def deliveries(name: str) -> list[dict[str, Any]]:
    return [delivery["body"] for delivery in json.loads(raw(f"chatwoot/{name}.json"))["deliveries"]]


def parsed(said: dict[str, Any] | bytes, source: str = "chatwoot", **given: Any) -> Parsed:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    times = {"received_at": RECEIVED_AT, "sent_at": None, "account_id": 1}
    return parse(source, "account", {}, content, **{**times, **given})


def only(said: dict[str, Any], kind: type, **given: Any) -> Any:
    """The one fact of this kind."""
    (fact,) = [fact for fact in parsed(said, **given).facts if isinstance(fact, kind)]
    return fact
