"""The receiver's own front and door in this process, asked as the server would ask them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from webhooks.door import open_door
from webhooks.front import Front
from worker.config import Settings
from worker.front import WsgiFront

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """What the server would hand on. `is_whole`: else the sender goes away after the last chunk."""

    method: str
    path: str
    fields: Fields
    chunks: tuple[bytes, ...]
    is_whole: bool = True
    query: bytes = b""

    def shown(self) -> bytes:
        """Enough of it to see what it was."""
        said = f"{self.method} {self.path!r} {self.fields!r} whole={self.is_whole} {len(self.chunks)} chunks: "
        return said.encode("utf-8", "surrogatepass") + b"".join(self.chunks)[:1000]


@asynccontextmanager
async def receiver(settings: Settings) -> AsyncIterator[Front]:
    """Open for as long as the block."""
    front = Front(lambda: open_door(settings, wake=lambda _: None))
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(front({"type": "lifespan"}, events.get, told.put))
    events.put_nowait({"type": "lifespan.startup"})
    started = await told.get()
    if started["type"] != "lifespan.startup.complete":
        raise RuntimeError(started["message"])
    try:
        yield front
    finally:
        events.put_nowait({"type": "lifespan.shutdown"})
        await told.get()
        await life


async def ask(front: WsgiFront[Any], request: Request) -> tuple[int, bytes]:
    """Status and body of its answer."""
    waiting = _messages(request.chunks, is_whole=request.is_whole)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await front(_scope(request), receive, send)
    start, body = sent
    return start["status"], body["body"]


def _messages(chunks: Iterable[bytes], *, is_whole: bool) -> Any:
    for chunk in chunks:
        yield {"type": "http.request", "body": chunk, "more_body": True}
    if is_whole:
        yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield {"type": "http.disconnect"}


def _scope(request: Request) -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": request.method, "scheme": "http", "path": request.path,
        "query_string": request.query, "headers": request.fields, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }  # fmt: skip
