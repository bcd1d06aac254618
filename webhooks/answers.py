"""The small JSON answers of the door, and the headers that every answer carries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Response

from webhooks.wsgi import WsgiApp

SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
)


def reply(status: int, outcome: str, **more: object) -> Response:
    """`{"status": outcome, …}`; senders ignore it, people with curl do not."""
    body = json.dumps({"status": outcome, **more}, separators=(",", ":")) + "\n"
    return Response(body, status=status, mimetype="application/json")


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
