"""The door's description in OpenAPI 3.1, made from the table of sources and what each is answered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from webhooks.accept import RETRY_AFTER_SECONDS
from webhooks.sources import registry
from webhooks.sources.base import STALE, TOO_LARGE, Proof, Source
from webhooks.survey_page import LONGEST_FEEDBACK
from worker import __version__

Schema = Mapping[str, Any]

_ABOUT = """Where Chatwoot, mail services and web forms send their webhooks, and the survey page.

A webhook is answered 200 once it is on disk; 401 and 503 mean: send it again. What the body says matters later only.
What is not HTTP at all gets 400, and headers beyond all measure 431, from the server itself."""
_TEXT: Schema = {"type": "string"}
_WORDS = {
    400: "The request ended early.",
    401: "It is not theirs: signature, token or time do not hold.",
    404: "There is no such page.",
    408: "The body took too long.",
    410: "The link has expired.",
    413: "The body is too large for this page.",
    422: "Something is missing in the form.",
    503: "Cannot be kept right now; come again after `Retry-After` seconds.",
}
_SCHEMES: Mapping[Proof, Schema] = {
    Proof.CHATWOOT: {
        "type": "apiKey", "in": "header", "name": "X-Chatwoot-Signature",
        "description": "`sha256=` and the hex HMAC-SHA256 of `<X-Chatwoot-Timestamp>.<body>`.",
    },
    Proof.STANDARD: {
        "type": "apiKey", "in": "header", "name": "webhook-signature",
        "description": "Standard Webhooks 1.0: `v1,` and the base64 HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>."
                       "<body>`.",
    },
    Proof.BEARER: {"type": "http", "scheme": "bearer", "description": "A token of HOOKDESK_EMAIL_BEARER_TOKENS."},
}  # fmt: skip
_SCHEMAS: Mapping[str, Schema] = {
    "Kept": {
        "type": "object",
        "description": "It is on disk under the receipt.",
        "properties": {
            "status": {"type": "string", "enum": ["accepted", "duplicate", "spooled", TOO_LARGE, STALE]},
            "receipt": {"type": "string", "format": "uuid"},
        },
        "required": ["status", "receipt"],
        "additionalProperties": False,
    },
    "Told": {
        "type": "object",
        "properties": {"status": _TEXT, "fields": {"type": "array", "items": _TEXT}},
        "required": ["status"],
        "additionalProperties": False,
    },
    "Readiness": {
        "type": "object",
        "properties": {
            "status": _TEXT,
            "store": {"type": "string", "enum": ["up", "away"]},
            "spool_bytes": {"type": "integer", "minimum": 0},
        },
        "required": ["status", "store", "spool_bytes"],
        "additionalProperties": False,
    },
    "Answer": {
        "type": "object",
        "properties": {
            "rating": {"type": "string", "enum": ["1", "2", "3", "4", "5"]},
            "feedback": {"type": "string", "maxLength": LONGEST_FEEDBACK},
            "seal": {"type": "string", "description": "As the page had it."},
        },
        "required": ["rating", "seal"],
    },
}


@cache
def document() -> dict[str, Any]:
    """The whole description, as JSON."""
    paths = {_path(source): {"post": _receiving(source)} for source in registry.SOURCES}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hookdesk receiver", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths | _survey() | _own_pages(),
        "components": {
            "schemas": dict(_SCHEMAS),
            "securitySchemes": {name.value: scheme for name, scheme in _SCHEMES.items()},
        },
    }


def _path(source: Source) -> str:
    return source.path.replace("<", "{").replace(">", "}")


def _receiving(source: Source) -> dict[str, Any]:
    """The POST of one source; any media type and any bytes are taken, the named ones are understood."""
    answers, shown = source.answers, source.shown
    kept = {answers.accepted, answers.too_large} | ({answers.stale} - {answers.refused})
    refused = {answers.refused, answers.overload, *([answers.incomplete] if answers.incomplete else [])}
    content: dict[str, Any] = {name: {"schema": {}} for name in (*shown.media_types, "application/octet-stream")}
    return {
        "operationId": shown.operation,
        "summary": shown.about,
        "description": f"Up to {source.limit_bytes >> 20} MiB are kept whole; of more, so much is kept.",
        "parameters": [*_in_path(source.path), *(_header(name) for name in shown.headers)],
        "requestBody": {"required": False, "content": content},
        "responses": _answers(dict.fromkeys(kept, "Kept"), refused),
        "security": [{proof.value: []} for proof in shown.proofs],
    }


def _survey() -> dict[str, Any]:
    fields = {"application/x-www-form-urlencoded": {"schema": _ref("Answer")}}
    shown = {"operationId": "showSurvey", "summary": "The page behind a survey link.", "security": []}
    answered = {"operationId": "answerSurvey", "summary": "Rate how a ticket was resolved.", "security": []}
    item = {
        "parameters": _in_path("/survey/<token>"),
        "get": {**shown, "responses": _pages(200, 404, 410) | _answers({}, {413})},
        "post": {
            **answered,
            "requestBody": {"required": True, "content": fields},
            "responses": _pages(200, 404, 410, 422, 503) | _answers({}, {413}),
        },
    }
    return {"/survey/{token}": item}


def _own_pages() -> dict[str, Any]:
    ready = _answers({200: "Readiness"}, {413}) | {"503": _answer("Readiness", "It can neither commit nor spool.")}
    return {
        "/livez": {"get": _own("live", "Whether the process runs.", _answers({200: "Told"}, {413, 503}))},
        "/readyz": {"get": _own("ready", "Whether webhooks can be kept.", ready)},
        "/openapi.json": {"get": _own("describe", "This description.", _answers({200: None}, {413, 503}))},
    }


def _own(name: str, about: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "summary": about, "security": [], "responses": responses}


def _answers(good: Mapping[int, str | None], refused: set[int]) -> dict[str, Any]:
    """Those of one operation by status; each may also be told that its request came late or only in part."""
    found = {status: _answer(schema, "It is so.") for status, schema in good.items()}
    for status in refused | {400, 408}:
        found[status] = _answer("Told", _WORDS[status])
        if status == 503:
            about = f"Seconds to wait, {RETRY_AFTER_SECONDS}."
            found[status]["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    return {str(status): found[status] for status in sorted(found)}


def _answer(schema: str | None, about: str) -> dict[str, Any]:
    shape = {"type": "object"} if schema is None else _ref(schema)
    return {"description": about, "content": {"application/json": {"schema": shape}}}


def _pages(*statuses: int) -> dict[str, Any]:
    page = {"text/html": {"schema": _TEXT}}
    return {str(status): {"description": _WORDS.get(status, "The page."), "content": page} for status in statuses}


def _in_path(rule: str) -> list[dict[str, Any]]:
    if "<token>" not in rule:
        return []
    return [{"name": "token", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": _TEXT}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
