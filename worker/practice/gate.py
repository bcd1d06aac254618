"""What stands before the practice API: the token, the speed limit, the faults on request, the record of all calls."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, g, jsonify, request

from worker.clock import Clock
from worker.practice.access import Access
from worker.practice.faults import Fault, Faults

LIMIT_PER_MINUTE = 3000
KEEP = 100_000


@dataclass(frozen=True, slots=True)
class Received:
    """One call of the API and how it was answered (`cut`, `timeout` … are answers, too)."""

    at: datetime
    method: str
    path: str
    query: str
    body: Any
    status: int
    fault: str | None


class Gate:
    """What stands before every call: the token, the speed limit, and the faults in force. Records all of it."""

    def __init__(self, clock: Clock, faults: Faults, *, access: Access, limit: int = LIMIT_PER_MINUTE) -> None:
        self.access, self.limit = access, limit
        self.received: deque[Received] = deque(maxlen=KEEP)
        self.stopped = threading.Event()
        self._clock, self._faults = clock, faults
        self._minute, self._count, self._lock = 0, 0, threading.Lock()

    def before(self) -> Response | None:
        """The answer that spares the call, or None to go on."""
        g.fault, g.hang_up, g.stall = None, False, False
        g.asked = request.get_json(silent=True)  # read it while the connection stands
        if self._too_many():
            return Response("Retry later\n", 429, content_type="text/plain")  # rack-attack names no Retry-After
        g.fault = self._faults.take(request.method, request.path)
        if g.fault is not None and not g.fault.after_store:
            return self._wrong(g.fault)
        return None if request.path == "/api" else self._refused()

    def after(self, response: Response) -> Response:
        """The answer as it goes out."""
        fault: Fault | None = g.get("fault")
        if fault is not None and fault.after_store:
            response = self._wrong(fault)
        self._record(response, fault)
        if g.get("stall"):
            self.stopped.wait(self._faults.stall_seconds)
        if g.get("hang_up"):
            _hang_up()
        return response

    def _refused(self) -> Response | None:
        g.caller = self.access.caller(request.environ.get("HTTP_API_ACCESS_TOKEN"))
        if g.caller is None:
            return said({"error": "Invalid Access Token"}, 401)
        reason = self.access.refusal(g.caller, request)
        return None if reason is None else said({"error": reason}, 401)

    def _too_many(self) -> bool:
        with self._lock:
            minute = int(self._clock.now().timestamp() // 60)
            self._count = self._count + 1 if minute == self._minute else 1
            self._minute = minute
            return self._count > self.limit

    def _record(self, response: Response, fault: Fault | None) -> None:
        self.received.append(
            Received(
                self._clock.now(),
                request.method,
                request.path,
                request.query_string.decode("ascii", "replace"),
                g.get("asked"),
                response.status_code,
                fault.kind if fault else None,
            )
        )

    def _wrong(self, fault: Fault) -> Response:
        kind = fault.kind.removesuffix("_after_store")
        if kind in {"cut", "timeout"}:
            g.hang_up, g.stall = True, kind == "timeout"
            return Response(status=500)
        if kind == "drip":
            return Response(self._drip(), content_type="application/json")
        response = plain_fault(kind)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response

    def _drip(self) -> Iterator[bytes]:
        for _ in range(600):
            if self.stopped.wait(0.05):
                return
            yield b" "
        yield b"{}"


def plain_fault(kind: str) -> Response:
    """The answer of a fault that is only an answer."""
    match kind:
        case "429":
            return Response("Retry later\n", 429, content_type="text/plain")
        case "html":
            return Response("<html>Please log in</html>", 200, content_type="text/html")
        case "redirect":
            return Response(status=302, headers={"Location": "/app/login"})
        case "message_limit":
            return said({"error": "Validation failed: Too many messages"}, 422)
        case "404":
            return said({"error": "Resource could not be found"}, 404)
        case "500":
            return Response("<html>We're sorry, but something went wrong.</html>", 500, content_type="text/html")
        case _:
            return said({"error": f"practice fault {kind}"}, int(kind))


def _hang_up() -> None:
    with contextlib.suppress(OSError):  # the caller was faster
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def said(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    response: Response = jsonify(body)
    response.status_code = status
    return response
