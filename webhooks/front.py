"""The ASGI entry of the receiver: webhooks are received here, every other request is answered by Flask behind it.

A webhook is judged here and waits here until it is durable, 2.5 s at most: a thread each would cost more than all the
rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from webhooks import tally
from webhooks.accept import ANSWER_SECONDS, Kept, Overloaded
from webhooks.answers import answer
from webhooks.app import FORM_BYTES
from webhooks.arrival import Arrival, Reading
from webhooks.door import Door
from webhooks.receive import answered, judge, overloaded, refused
from webhooks.sources import registry
from webhooks.sources.base import Rejected, Source
from worker import wsgi
from worker.front import BODY_SECONDS, BUFFER_BYTES, Held, Receive, Scope, Unread, WsgiFront, chunks
from worker.pool import Returns
from worker.wsgi import Answer

SILENT = Overloaded("neither the store nor the spool's disk answers")


class Front(WsgiFront[Door]):
    """One per process. `open_door` is called when the server starts it, in the process that serves."""

    def __init__(self, open_door: Callable[[], Door], *, body_seconds: float = BODY_SECONDS,
                 answer_seconds: float = ANSWER_SECONDS, buffer_bytes: int = BUFFER_BYTES) -> None:  # fmt: skip
        super().__init__(
            open_door, refusal=_refusal, body_bytes=FORM_BYTES, answer_seconds=answer_seconds,
            body_seconds=body_seconds, buffer_bytes=buffer_bytes,
        )  # fmt: skip
        self._returns: Returns[Kept | Overloaded]

    def _open(self) -> None:
        super()._open()
        self._returns = Returns(asyncio.get_running_loop())

    def _made(self, scope: Scope, receive: Receive, held: Held) -> Awaitable[Answer]:
        found = registry.match(scope["path"]) if scope["method"] == "POST" else None
        if found is None:
            return self._called(scope, receive, held)
        return self._webhook(found, scope, receive, held)

    async def _webhook(self, found: tuple[Source, str | None], scope: Scope, receive: Receive, held: Held) -> Answer:
        settings, deps = self._room.settings, self._room.deps
        try:
            arrival = await self._in_time(self._read(found, scope, receive, held))
            judged = judge(arrival, settings)
        except Unread as exc:
            tally.unread(found[0].name, exc.status, exc.why)
            raise
        except Rejected as exc:
            return refused(arrival, exc, deps)
        future = self._returns.future()
        deps.acceptor.submit(judged.receipt, partial(self._returns.give, future))
        outcome = await self._until_answer(future, SILENT)
        return answered(judged, outcome)

    async def _read(self, found: tuple[Source, str | None], scope: Scope, receive: Receive, held: Held) -> Arrival:
        source, token = found
        headers = wsgi.headers_of(scope)
        reading = Reading(source, headers, token, self._room.settings, now=self._room.deps.clock.now())
        async for chunk in chunks(receive):
            reading.feed(chunk)
            self._hold(reading.held, held)
        return reading.done()


def _refusal(status: int, why: str) -> Answer:
    return overloaded(status, why) if status == 503 else answer(status, why)
