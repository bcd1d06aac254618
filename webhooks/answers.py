"""The small JSON answers of the door, and the headers that every answer carries."""

from __future__ import annotations

import json

from flask import Response

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


def secured(response: Response) -> Response:
    """The same answer with the headers of SECURITY_HEADERS it does not set itself."""
    for name, value in SECURITY_HEADERS:
        response.headers.setdefault(name, value)
    return response
