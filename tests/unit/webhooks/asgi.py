"""Speaking ASGI with a front that is alive, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.webhooks.senders import Sent
from tests.unit.webhooks.world import World
from webhooks.door import Door
from webhooks.front import Front
from webhooks.sources.registry import SOURCES
from worker.front import WsgiFront

Messages = list[dict[str, Any]]
DISCONNECT = {"type": "http.disconnect"}


def chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def scope_of(sent: Sent, method: str = "POST") -> dict[str, Any]:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.headers.items()]
    return {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": sent.path,
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip


class Caller:
    """Speaks ASGI with a front that is alive."""

    def __init__(self, front: WsgiFront[Any]) -> None:
        self.front = front

    async def call(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> tuple[int, dict[str, str]]:
        sent: Messages = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.front(scope, receive, send)
        start, body = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], {**headers, "body": body["body"].decode()}

    async def post(self, sent: Sent, *messages: dict[str, Any], method: str = "POST") -> tuple[int, dict[str, str]]:
        """With these messages, and silence after them; without, the whole body at once."""
        waiting = list(messages or [chunk(sent.body)])

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        return await self.call(scope_of(sent, method), receive)


@asynccontextmanager
async def alive(front: WsgiFront[Any]) -> AsyncIterator[Caller]:
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(front({"type": "lifespan"}, events.get, told.put))
    events.put_nowait({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    yield Caller(front)
    events.put_nowait({"type": "lifespan.shutdown"})
    assert (await told.get())["type"] == "lifespan.shutdown.complete"
    await life


def run_on(front: WsgiFront[Any], scenario: Callable[[Caller], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with alive(front) as caller:
            return await scenario(caller)

    return asyncio.run(main())


def run(world: World, scenario: Callable[[Caller], Awaitable[Any]], *, threads: int = 4, **given: Any) -> Any:
    return run_on(Front(lambda: Door(world.settings, world.deps, world.app, threads, ()), **given), scenario)


every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.name}/{source.endpoint}")
