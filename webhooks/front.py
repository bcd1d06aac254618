"""The ASGI entry: reads a whole request before a thread is spent on it, so that slow senders cost nobody anything.

Each body has 3 s, all bodies together a bound, each answer 2.5 s. Then the Flask application runs on a pool of threads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from webhooks import tally, wsgi
from webhooks.accept import RETRY_AFTER_SECONDS
from webhooks.app import ARRIVAL, FORM_BYTES
from webhooks.arrival import Arrival, Reading
from webhooks.door import Door
from webhooks.pool import ThreadPool
from webhooks.sources import registry
from webhooks.wsgi import Answer
from worker import log

BODY_SECONDS = 3.0
ANSWER_SECONDS = 2.5
BUFFER_BYTES = 192 << 20  # all bodies being read or worked on
SMALL_BYTES = 64 << 10
SMALL_RESERVE_BYTES = 64 << 20  # of them, kept for bodies below SMALL_BYTES
SERVER = (b"server", b"hookdesk")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

logger = log.get(__name__)


class Unread(Exception):
    """The request could not be read to its end; `status` says why."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(why)


class Front:
    """One per process. `open_door` is called when the server starts it, in the process that serves."""

    def __init__(self, open_door: Callable[[], Door], *, body_seconds: float = BODY_SECONDS,
                 answer_seconds: float = ANSWER_SECONDS, buffer_bytes: int = BUFFER_BYTES) -> None:  # fmt: skip
        self._open_door = open_door
        self._body_seconds, self._answer_seconds, self._buffer_bytes = body_seconds, answer_seconds, buffer_bytes
        self._held = 0
        self._door: Door
        self._pool: ThreadPool[Answer]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3: lifespan and HTTP; nothing else is spoken here."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._door = self._open_door()
        except Exception as exc:  # whatever it is, the server has to hear that there is nobody to serve
            logger.exception("door_not_opened")
            await send({"type": "lifespan.startup.failed", "message": str(exc)})
            return
        self._pool = ThreadPool(self._door.threads, asyncio.get_running_loop())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pool.close()
        self._door.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = _Held()
        try:
            try:
                async with asyncio.timeout(self._body_seconds):
                    environ = await self._read(scope, receive, held)
            except TimeoutError as exc:
                raise Unread(408, "the body took too long") from exc
            answer = await self._run(environ)
        except Unread as exc:
            if (found := registry.match(scope["path"])) is not None:
                tally.unread(found[0].name, exc.status, exc.why)
            answer = _plain(exc.status, exc.why)
        finally:
            self._held -= held.size
        await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, SERVER]})
        await send({"type": "http.response.body", "body": answer.body})

    async def _read(self, scope: Scope, receive: Receive, held: _Held) -> dict[str, Any]:
        headers = wsgi.headers_of(scope)
        found = registry.match(scope["path"]) if scope["method"] == "POST" else None
        if found is None:
            return wsgi.environ_of(scope, headers, await self._read_form(receive))
        source, token = found
        reading = Reading(source, headers, token, self._door.settings, now=self._door.deps.clock.now())
        async for chunk in _chunks(receive):
            reading.feed(chunk)
            self._hold(reading.held, held)
        arrival: Arrival = reading.done()
        environ = wsgi.environ_of(scope, {}, b"")
        environ[ARRIVAL] = arrival
        return environ

    async def _read_form(self, receive: Receive) -> bytes:
        body = bytearray()
        async for chunk in _chunks(receive):
            body += chunk
            if len(body) > FORM_BYTES:
                raise Unread(413, "the body is too large for this page")
        return bytes(body)

    def _hold(self, size: int, held: _Held) -> None:
        """Count what is kept of this body; raises Unread when all together is too much."""
        self._held += size - held.size
        held.size = size
        bound = self._buffer_bytes if size <= SMALL_BYTES else self._buffer_bytes - SMALL_RESERVE_BYTES
        if self._held > bound:
            raise Unread(503, "too many large requests at once")

    async def _run(self, environ: dict[str, Any]) -> Answer:
        future = self._pool.run(lambda: wsgi.call(self._door.app, environ))
        deadline = asyncio.get_running_loop().call_later(self._answer_seconds, _give_up, future)
        try:
            return await future
        except Unread:
            raise
        except Exception:  # Flask answers its own errors, so this is a bug in the bridge: the sender may come again
            logger.exception("front_failed", path=environ.get("PATH_INFO"))
            return _plain(503, "please try again")
        finally:
            deadline.cancel()


class _Held:
    """How many bytes of one request count against the bound."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


async def _chunks(receive: Receive) -> Any:
    """The body as it comes. Raises Unread when the sender goes away: an unfinished body must not look like a whole."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Unread(400, "the body ended early")
        if chunk := message.get("body"):
            yield chunk
        if not message.get("more_body"):
            return


def _give_up(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        logger.error("answer_too_slow")
        future.set_result(_plain(503, "please try again"))


def _plain(status: int, why: str) -> Answer:
    """An answer without Flask; the connection ends, as the rest of the request may still be on its way."""
    body = json.dumps({"status": why}).encode() + b"\n"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    return Answer(status, headers, body)
