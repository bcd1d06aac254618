"""The fields of a web form: read alike by intake and by the door, which may be asked to name the missing ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

FIELDS = ("name", "email", "subject", "message", "page", "website", "language")
HONEYPOT = "website"  # people do not see it; who fills it in is a machine
_MOST = 1000


def read(body: bytes) -> dict[str, str]:
    """The known fields, urlencoded or as JSON whatever the headers say; ValueError for a body that is neither."""
    given = _json(body) if body[:64].lstrip()[:1] in (b"{", b"[") else _urlencoded(body)
    fields: dict[str, str] = {}
    for key, value in given:
        name = key.strip().lower()
        if name not in FIELDS or value is None:
            continue
        if not isinstance(value, str):
            raise ValueError(f"{name}: expected a string, got {type(value).__name__}")
        fields.setdefault(name, value)
    return fields


def lacking(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The fields without which nobody can answer. None of a machine's form, which is not to learn anything."""
    if fields.get(HONEYPOT, "").strip():
        return ()
    has = {"email": "@" in fields.get("email", ""), "message": bool(fields.get("message", "").strip())}
    return tuple(name for name, is_there in has.items() if not is_there)


def _json(body: bytes) -> Iterable[tuple[str, Any]]:
    """A flat object, or one under `data`, as Standard Webhooks wraps it."""
    try:
        said = json.loads(body)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    inner = said.get("data") if isinstance(said, dict) else None
    said = inner if isinstance(inner, dict) else said
    if not isinstance(said, dict):
        raise ValueError(f"expected a JSON object, got {type(said).__name__}")
    return said.items()


def _urlencoded(body: bytes) -> Iterable[tuple[str, Any]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=_MOST)
