"""A request somebody saved: as JSON, or as the raw text of an HTTP request."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

_SHAPE = '{"headers": {…}, "body": "…"} (or "body_base64"), or a raw HTTP request'


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """Headers with names in lower case, the exact body, and when it arrived if the file says so."""

    headers: dict[str, str]
    body: bytes
    received_at: datetime | None = None


def read_saved(path: Path) -> SavedRequest:
    """Either shape. Raises a usage error that says what was expected."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise click.UsageError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        return _from_json(content) if content.lstrip().startswith(b"{") else _from_http(content)
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise click.UsageError(f"{path} is not a saved request ({exc}). Expected {_SHAPE}.") from exc


def parse_time(text: str) -> datetime:
    """ISO 8601 or epoch seconds; without a zone it is UTC. Raises ValueError."""
    try:
        if text.strip().isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (OverflowError, OSError) as exc:
        raise ValueError(f"{text} is not a time") from exc


def _from_json(content: bytes) -> SavedRequest:
    saved = json.loads(content)
    if not isinstance(saved, dict) or "headers" not in saved:
        raise ValueError("no headers")
    received = saved.get("received_at")
    return SavedRequest(
        _lowered(saved["headers"]), _body(saved), parse_time(str(received)) if received is not None else None
    )


def _lowered(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {str(name).lower(): str(value) for name, value in pairs}


def _body(saved: dict[str, Any]) -> bytes:
    if "body_base64" in saved:
        return base64.b64decode(saved["body_base64"], validate=True)
    if "body" not in saved:
        raise ValueError("no body")
    if isinstance(saved["body"], str):
        return saved["body"].encode("utf-8", "surrogatepass")
    raise ValueError("the body is JSON inside JSON, so its exact bytes are lost; save it as text or base64")


def _from_http(content: bytes) -> SavedRequest:
    """Bytes after the first empty line are the body, whatever line ends the head has."""
    cuts = [(at, len(gap)) for gap in (b"\r\n\r\n", b"\n\n") if (at := content.find(gap)) >= 0]
    if not cuts:
        raise ValueError("no empty line between headers and body")
    at, gap = min(cuts)
    first, *lines = content[:at].decode("latin-1").splitlines()
    if ":" in first.split(" ")[0]:  # headers alone, without the request line
        lines.insert(0, first)
    pairs = [line.partition(":") for line in lines if ":" in line]
    if not pairs:
        raise ValueError("no headers")
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return SavedRequest(headers, content[at + gap :])
