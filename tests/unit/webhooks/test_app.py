"""The application around the view: health, headers, errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.webhooks.senders import NOW, seconds, send_from
from tests.unit.webhooks.spooling import keep
from tests.unit.webhooks.world import World, a_receipt
from webhooks.answers import SECURITY_HEADERS
from webhooks.app import create_app
from webhooks.sources import registry
from webhooks.sources.base import Answers
from webhooks.sources.registry import SOURCES
from worker import metrics
from worker.errors import ConfigError


class TestHealth:
    def test_alive_means_the_process_and_nothing_else(self, world: World) -> None:
        world.commits.is_away = True
        world.health.lost("test")

        assert world.client.get("/livez").status_code == 200

    def test_ready_while_it_can_commit(self, world: World) -> None:
        answer = world.client.get("/readyz")

        assert (answer.status_code, answer.json) == (200, {"status": "ready", "store": "up", "spool_bytes": 0})

    def test_ready_while_it_can_spool(self, world: World) -> None:
        world.health.lost("test")
        keep(world.spool, a_receipt())

        answer = world.client.get("/readyz")

        assert (answer.status_code, answer.json["status"]) == (200, "degraded: spooling")
        assert answer.json["spool_bytes"] > 0

    def test_not_ready_when_it_can_do_neither(self, world: World) -> None:
        world.health.lost("test")
        world.spool._max_bytes = 0

        assert world.client.get("/readyz").status_code == 503

    def test_it_does_not_wait_for_a_store_that_hangs(self, world: World) -> None:
        clock = [0.0]
        world.health._monotonic = lambda: clock[0]
        with world.health.busy():
            assert world.client.get("/readyz").json["store"] == "up"
            clock[0] = 1.5
            assert world.client.get("/readyz").json["store"] == "away"


class TestAnswers:
    @pytest.mark.parametrize("path", ["/livez", "/nowhere", "/survey/x", "/webhooks/chatwoot"])
    def test_every_one_carries_the_security_headers(self, path: str, world: World) -> None:
        headers = world.client.get(path).headers

        assert {name for name, _ in SECURITY_HEADERS} <= set(headers.keys())
        assert headers["Cache-Control"] == "no-store"

    def test_an_unknown_path_is_not_found(self, world: World) -> None:
        assert world.client.post("/webhooks/unheard-of", data=b"x").status_code == 404

    def test_overload_says_when_to_come_again(self, world: World) -> None:
        world.health.lost("test")
        world.spool._max_bytes = 0

        answer = world.post(send_from(SOURCES[0]))

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    def test_a_bug_of_ours_is_worth_a_retry_and_shows_nothing(self, world: World) -> None:
        def broken() -> str:
            raise RuntimeError("a secret detail")

        world.app.add_url_rule("/broken", view_func=broken)
        answer = world.client.get("/broken")

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert b"secret" not in answer.get_data()

    def test_credentials_are_not_stored(self, world: World) -> None:
        world.post(send_from(SOURCES[0]).but(authorization="Basic dTpw", cookie="a=b"))

        headers = world.raw(world.rows()[0]).headers
        assert (headers["authorization"], headers["cookie"]) == ("[redacted]", "[redacted]")
        assert headers["x-chatwoot-signature"].startswith("sha256=")

    def test_nor_is_the_path_that_a_proxy_repeats(self, world: World) -> None:
        world.post(send_from(SOURCES[0]).but(x_original_uri="/webhooks/chatwoot/a-token"))

        assert world.raw(world.rows()[0]).headers["x-original-uri"] == "[redacted]"


class TestCounting:
    def test_each_outcome_is_counted_under_its_name(self, world: World) -> None:
        good = send_from(SOURCES[0])
        steps = [
            ("accepted", lambda: world.post(good)),
            ("duplicate", lambda: world.post(good)),
            ("rejected", lambda: world.post(good.but(x_chatwoot_signature="x"))),
            ("stale_timestamp", lambda: world.post(send_from(SOURCES[0], at=NOW - seconds(3600)))),
            ("spooled", lambda: _away(world) or world.post(send_from(SOURCES[0], b"2"))),
            ("overloaded", lambda: _full(world) or world.post(send_from(SOURCES[0], b"3"))),
        ]

        for outcome, step in steps:
            before = _received(outcome)
            step()
            assert _received(outcome) == before + 1, outcome


def _received(outcome: str) -> float:
    labels = {"source": "chatwoot", "outcome": outcome}
    return metrics.REGISTRY.get_sample_value("hookdesk_webhooks_received_total", labels) or 0.0


def _away(world: World) -> None:
    world.commits.is_away = True
    world.health.lost("test")


def _full(world: World) -> None:
    world.spool._max_bytes = 0


class TestCreateApp:
    def test_it_does_not_open_with_a_table_that_could_lose_mail(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        careless = replace(SOURCES[0], answers=Answers(refused=410))  # type: ignore[type-var]
        monkeypatch.setattr(registry, "SOURCES", (careless,))

        with pytest.raises(ConfigError, match="make senders stop for good"):
            create_app(world.settings, world.deps)
