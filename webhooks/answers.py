"""The small JSON answers of the door, and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Response

from worker.wsgi import Answer, WsgiApp

SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
)
_JSON = "application/json"
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in (("Content-Type", _JSON), *SECURITY_HEADERS)]


def reply(status: int, outcome: str, **more: object) -> Response:
    """`{"status": outcome, …}` from a Flask view; senders ignore it, people with curl do not."""
    return Response(_body(outcome, more), status=status, mimetype=_JSON)


def answer(status: int, outcome: str, **more: object) -> Answer:
    """The same without Flask, complete with SECURITY_HEADERS."""
    body = _body(outcome, more)
    return Answer(status, [*_HEADERS, (b"content-length", b"%d" % len(body))], body)


def as_response(made: Answer) -> Response:
    """What a Flask view returns for it."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in made.headers]
    return Response(made.body, status=made.status, headers=headers)


def _body(outcome: str, more: dict[str, object]) -> bytes:
    return msgspec.json.encode({"status": outcome, **more}) + b"\n"


class Secured:
    """A WSGI application whose answers carry SECURITY_HEADERS where they do not set them themselves."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Plain lists: Flask's header objects would cost a quarter of the whole request."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            given = {name.lower() for name, _ in headers}
            missing = [header for header in SECURITY_HEADERS if header[0].lower() not in given]
            return start_response(status, headers + missing, exc_info)

        return self._app(environ, start)
