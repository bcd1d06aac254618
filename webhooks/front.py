"""The ASGI entry: reads whole requests, so that slow senders cost nobody anything, and receives webhooks.

Each body has 3 s, all bodies together a bound, each answer 2.5 s. A webhook is judged here and waits here until it is
durable: a thread each would cost more than all the rest. Every other request runs in Flask, on a pool of threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, TypeVar

from webhooks import tally, wsgi
from webhooks.accept import ANSWER_SECONDS, Kept, Overloaded
from webhooks.answers import answer
from webhooks.app import FORM_BYTES
from webhooks.arrival import Arrival, Reading
from webhooks.door import Door
from webhooks.pool import Returns, ThreadPool
from webhooks.receive import answered, judge, overloaded, refused
from webhooks.sources import registry
from webhooks.sources.base import Rejected, Source
from webhooks.wsgi import Answer
from worker import log

BODY_SECONDS = 3.0
BUFFER_BYTES = 192 << 20  # all bodies being read or worked on
SMALL_BYTES = 64 << 10
SMALL_RESERVE_BYTES = 64 << 20  # of them, kept for bodies below SMALL_BYTES
SERVER = (b"server", b"hookdesk")
SILENT = Overloaded("neither the store nor the spool's disk answers")

Result = TypeVar("Result")
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
        self._returns: Returns[Kept | Overloaded]

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
        loop = asyncio.get_running_loop()
        self._pool, self._returns = ThreadPool(self._door.threads, loop), Returns(loop)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pool.close()
        self._door.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = registry.match(scope["path"]) if scope["method"] == "POST" else None
        held = _Held()
        try:
            made = await (self._flask(scope, receive) if found is None else self._webhook(found, scope, receive, held))
        except Unread as exc:
            if found is not None:
                tally.unread(found[0].name, exc.status, exc.why)
            made = _plain(exc.status, exc.why)
        except Exception:  # Flask answers its own errors, so this is a bug of ours: the sender may come again
            logger.exception("front_failed", source=found[0].name if found else None)  # a path may hold a secret
            made = _plain(503, "please try again")
        finally:
            self._held -= held.size
        await send({"type": "http.response.start", "status": made.status, "headers": [*made.headers, SERVER]})
        await send({"type": "http.response.body", "body": made.body})

    async def _webhook(self, found: tuple[Source, str | None], scope: Scope, receive: Receive, held: _Held) -> Answer:
        settings, deps = self._door.settings, self._door.deps
        arrival = await self._in_time(self._read(found, scope, receive, held))
        try:
            judged = judge(arrival, settings)
        except Rejected as exc:
            return refused(arrival, exc, deps)
        future = self._returns.future()
        deps.acceptor.submit(judged.receipt, partial(self._returns.give, future))
        outcome = await self._until_answer(future, SILENT)
        return answered(judged, outcome)

    async def _flask(self, scope: Scope, receive: Receive) -> Answer:
        body = await self._in_time(self._read_form(receive))
        environ = wsgi.environ_of(scope, wsgi.headers_of(scope), body)
        return await self._until_answer(self._pool.run(lambda: wsgi.call(self._door.app, environ)), overloaded())

    async def _in_time(self, reading: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._body_seconds):
                return await reading
        except TimeoutError as exc:
            raise Unread(408, "the body took too long") from exc

    async def _read(self, found: tuple[Source, str | None], scope: Scope, receive: Receive, held: _Held) -> Arrival:
        source, token = found
        headers = wsgi.headers_of(scope)
        reading = Reading(source, headers, token, self._door.settings, now=self._door.deps.clock.now())
        async for chunk in _chunks(receive):
            reading.feed(chunk)
            self._hold(reading.held, held)
        return reading.done()

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

    async def _until_answer(self, future: asyncio.Future[Result], instead: Result) -> Result:
        """What the future brings, or `instead` when that takes too long."""
        deadline = asyncio.get_running_loop().call_later(self._answer_seconds, _give_up, future, instead)
        try:
            return await future
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


def _give_up(future: asyncio.Future[Result], instead: Result) -> None:
    if not future.done():
        logger.error("answer_too_slow")
        future.set_result(instead)


def _plain(status: int, why: str) -> Answer:
    """The connection ends, as the rest of the request may still be on its way."""
    return (overloaded(status, why) if status == 503 else answer(status, why)).having("connection", "close")
