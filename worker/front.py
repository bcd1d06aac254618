"""The ASGI entry to a WSGI application: reads whole requests, so that slow senders cost nobody anything.

Each body has its size and its time, all bodies together a bound, each answer its time. A thread of the pool sees a
request only when it is complete. The ticket API is served so as it is; the receiver adds its webhooks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Generic, Protocol, TypeVar

from worker import log, wsgi
from worker.pool import ThreadPool
from worker.wsgi import Answer, WsgiApp

BODY_SECONDS = 3.0
BUFFER_BYTES = 192 << 20  # all bodies being read or worked on
SMALL_BYTES = 64 << 10
SMALL_RESERVE_BYTES = 64 << 20  # of them, kept for bodies below SMALL_BYTES
SERVER = (b"server", b"hookdesk")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Refusal = Callable[[int, str], Answer]

logger = log.get(__name__)


class Unread(Exception):
    """The request could not be read to its end; `status` says why."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(why)


class Held:
    """How many bytes of one request count against the bound."""

    size = 0


class Room(Protocol):
    """What lies behind a front: an application and the number of threads that it gets."""

    @property
    def app(self) -> WsgiApp: ...

    @property
    def threads(self) -> int: ...

    def close(self) -> object:
        """Let go of everything; called once, when nothing runs any more."""


Behind = TypeVar("Behind", bound=Room)
Result = TypeVar("Result")


class WsgiFront(Generic[Behind]):
    """One per process. `open_room` is called when the server starts it, in the process that serves.

    `refusal` makes the answer to what is not let in, from a status and a reason: 400 for a body that ended early, 408
    for one that took too long, 413 for one of more than `body_bytes`, 503 for what may come again.
    """

    def __init__(self, open_room: Callable[[], Behind], *, refusal: Refusal, body_bytes: int, answer_seconds: float,
                 body_seconds: float = BODY_SECONDS, buffer_bytes: int = BUFFER_BYTES) -> None:  # fmt: skip
        self._open_room, self._refusal = open_room, refusal
        self._body_bytes, self._buffer_bytes = body_bytes, buffer_bytes
        self._body_seconds, self._answer_seconds = body_seconds, answer_seconds
        self._too_slow = refusal(503, "overloaded, please try again")
        self._held = 0
        self._room: Behind
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
            self._open()
        except Exception as exc:  # whatever it is, the server has to hear that there is nobody to serve
            logger.exception("front_not_opened")
            await send({"type": "lifespan.startup.failed", "message": str(exc)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pool.close()
        self._room.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _open(self) -> None:
        """Called on the loop that will serve."""
        self._room = self._open_room()
        self._pool = ThreadPool(self._room.threads, asyncio.get_running_loop())

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = Held()
        try:
            made = await self._made(scope, receive, held)
        except Unread as exc:
            made = self._turned_away(exc.status, exc.why)
        except Exception:  # the application answers its own errors, so this is a bug of ours: the sender may come again
            logger.exception("front_failed")  # without the path, which may hold a secret
            made = self._turned_away(503, "please try again")
        finally:
            self._held -= held.size
        await send({"type": "http.response.start", "status": made.status, "headers": [*made.headers, SERVER]})
        await send({"type": "http.response.body", "body": made.body})

    def _made(self, scope: Scope, receive: Receive, held: Held) -> Awaitable[Answer]:
        """The answer to one request."""
        return self._called(scope, receive, held)

    async def _called(self, scope: Scope, receive: Receive, held: Held) -> Answer:
        """What the application answers."""
        try:
            body = await self._in_time(self._read_whole(receive, held))
        except Unread as exc:
            logger.warning("request_unread", status=exc.status, why=exc.why)
            raise
        environ = wsgi.environ_of(scope, wsgi.headers_of(scope), body)
        return await self._until_answer(self._pool.run(lambda: wsgi.call(self._room.app, environ)), self._too_slow)

    async def _read_whole(self, receive: Receive, held: Held) -> bytes:
        body = bytearray()
        async for chunk in chunks(receive):
            body += chunk
            if len(body) > self._body_bytes:
                raise Unread(413, f"the body is larger than {self._body_bytes} bytes")
            self._hold(len(body), held)
        return bytes(body)

    async def _in_time(self, reading: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._body_seconds):
                return await reading
        except TimeoutError as exc:
            raise Unread(408, "the body took too long") from exc

    def _hold(self, size: int, held: Held) -> None:
        """Count what is kept of this body; raises Unread when all together is too much."""
        self._held += size - held.size
        held.size = size
        bound = self._buffer_bytes if size <= SMALL_BYTES else self._buffer_bytes - SMALL_RESERVE_BYTES
        if self._held > bound:
            raise Unread(503, "too many large requests at once")

    async def _until_answer(self, future: asyncio.Future[Result], instead: Result) -> Result:
        """What the future brings, or `instead` when that takes too long."""
        deadline = asyncio.get_running_loop().call_later(self._answer_seconds, _give_up, future, instead)
        try:
            return await future
        finally:
            deadline.cancel()

    def _turned_away(self, status: int, why: str) -> Answer:
        """The connection ends, as the rest of the request may still be on its way."""
        return self._refusal(status, why).having("connection", "close")


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Unread when the sender goes away: an unfinished body must not look like a whole."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Unread(400, "the body ended early")
        if chunk := message.get("body"):
            yield chunk
        if not message.get("more_body"):
            return


def _give_up(future: asyncio.Future[Result], instead: Result) -> None:
    if not future.done():
        logger.error("answer_too_slow")
        future.set_result(instead)
