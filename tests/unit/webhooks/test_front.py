"""The ASGI entry: whole requests only, each in its time, all within bounds."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tests.unit.webhooks.asgi import DISCONNECT, Caller, Messages, chunk, every_source, run
from tests.unit.webhooks.senders import BEARER, Sent, send_from
from tests.unit.webhooks.world import World
from webhooks.door import Door
from webhooks.front import Front
from webhooks.sources.registry import SOURCES


class TestRequests:
    @every_source
    def test_a_body_in_pieces_is_accepted(self, source: Any, world: World) -> None:
        sent = send_from(source, b"abcdef")
        pieces = (chunk(b"abc", more=True), chunk(b"def", more=True), chunk(b""))

        status, headers = run(world, lambda caller: caller.post(sent, *pieces))

        assert (status, headers["server"]) == (200, "hookdesk")
        assert world.raw(world.rows()[0]).body == b"abcdef"

    def test_flask_answers_what_is_no_webhook(self, world: World) -> None:
        assert run(world, lambda caller: caller.post(Sent("/livez", b""), method="GET"))[0] == 200
        assert run(world, lambda caller: caller.post(Sent("/webhooks/chatwoot", b""), method="GET"))[0] == 405
        assert run(world, lambda caller: caller.post(Sent("/nö\udcff", b""), method="GET"))[0] == 404

    def test_a_page_takes_no_large_body(self, world: World) -> None:
        status, headers = run(world, lambda caller: caller.post(Sent("/survey/x", b"x" * 70_000)))

        assert (status, headers["connection"]) == (413, "close")

    def test_an_unfinished_body_is_not_taken_for_a_whole_one(self, world: World) -> None:
        sent = Sent("/webhooks/email/generic", b"", {"Authorization": f"Bearer {BEARER}"})

        status, _ = run(world, lambda caller: caller.post(sent, chunk(b"half", more=True), DISCONNECT))

        assert status == 400
        assert world.rows() == []

    def test_a_stranger_with_a_huge_body_is_held_only_in_part(self, world: World) -> None:
        sent = Sent("/webhooks/chatwoot", b"", {})
        pieces = [chunk(b"x" * 60_000, more=True)] * 20 + [chunk(b"")]

        status, _ = run(world, lambda caller: caller.post(sent, *pieces), buffer_bytes=200_000 + (64 << 20))

        assert status == 401

    def test_other_protocols_are_not_spoken(self, world: World) -> None:
        said: list[dict[str, Any]] = []

        async def scenario(caller: Caller) -> None:
            async def send(message: dict[str, Any]) -> None:
                said.append(message)

            await caller.front({"type": "websocket"}, None, send)  # type: ignore[arg-type]

        run(world, scenario)

        assert said == []


class TestBounds:
    def test_a_slow_body_is_given_up_and_the_connection_closed(self, world: World) -> None:
        sent = send_from(SOURCES[0])

        status, headers = run(world, lambda caller: caller.post(sent, chunk(b"{", more=True)), body_seconds=0.05)

        assert (status, headers["connection"]) == (408, "close")

    def test_too_many_bytes_at_once_are_refused_and_given_back(self, world: World) -> None:
        big, small = send_from(SOURCES[0], b"x" * 100_000), send_from(SOURCES[0], b"y" * 1000)

        async def scenario(caller: Caller) -> Any:
            answers = [await caller.post(big), await caller.post(small)]
            assert caller.front._held == 0
            return answers

        (first, headers), (second, _) = run(world, scenario, buffer_bytes=64 << 20)

        assert (first, headers["retry-after"], second) == (503, "5", 200)

    def test_an_answer_that_takes_too_long_is_a_503(self, world: World) -> None:
        gate = threading.Event()
        world.app.add_url_rule("/stuck", view_func=lambda: str(gate.wait(10)))

        async def scenario(caller: Caller) -> Any:
            answer = await caller.post(Sent("/stuck", b""), method="GET")
            gate.set()
            return answer

        status, headers = run(world, scenario, answer_seconds=0.05)

        assert (status, headers["retry-after"]) == (503, "5")

    def test_slow_bodies_spend_no_thread(self, world: World) -> None:
        sent = send_from(SOURCES[0])

        async def scenario(caller: Caller) -> Any:
            slow = [asyncio.create_task(caller.post(sent, chunk(b"{", more=True))) for _ in range(50)]
            await asyncio.sleep(0)
            answer = await caller.post(Sent("/livez", b""), method="GET")
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            return answer

        assert run(world, scenario, threads=1)[0] == 200

    def test_a_bug_in_the_bridge_is_worth_a_retry(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world, "app", lambda _environ, _start: 1 / 0)

        status, headers = run(world, lambda caller: caller.post(Sent("/livez", b""), method="GET"))

        assert (status, headers["retry-after"]) == (503, "5")

    def test_a_bug_of_the_door_is_worth_a_retry(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world.acceptor, "submit", lambda _receipt, _told: 1 / 0)

        status, headers = run(world, lambda caller: caller.post(send_from(SOURCES[1])))

        assert (status, headers["retry-after"]) == (503, "5")

    def test_a_receipt_that_nobody_answers_for_is_a_503(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world.acceptor, "submit", lambda _receipt, _told: None)

        status, headers = run(world, lambda caller: caller.post(send_from(SOURCES[0])), answer_seconds=0.05)

        assert (status, headers["retry-after"]) == (503, "5")

    def test_webhooks_that_wait_for_the_store_spend_no_thread(self, world: World) -> None:
        world.commits.gate.clear()

        async def scenario(caller: Caller) -> Any:
            waiting = [asyncio.create_task(caller.post(send_from(SOURCES[0], b"%d" % n))) for n in range(50)]
            while not world.commits.entered.is_set():
                await asyncio.sleep(0.001)
            alive = await caller.post(Sent("/livez", b""), method="GET")
            assert not any(task.done() for task in waiting)
            world.commits.gate.set()
            return alive, await asyncio.gather(*waiting)

        (alive, _), answers = run(world, scenario, threads=1)

        assert alive == 200
        assert [status for status, _ in answers] == [200] * 50
        assert len(world.rows()) == 50


class TestLife:
    def test_a_door_that_cannot_open_stops_the_start(self) -> None:
        def refuse() -> Door:
            raise OSError("no disk")

        async def main() -> Messages:
            told: Messages = []

            async def send(message: dict[str, Any]) -> None:
                told.append(message)

            async def receive() -> dict[str, Any]:
                return {"type": "lifespan.startup"}

            await Front(refuse)({"type": "lifespan"}, receive, send)
            return told

        assert asyncio.run(main()) == [{"type": "lifespan.startup.failed", "message": "no disk"}]
