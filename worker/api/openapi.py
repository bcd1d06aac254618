"""The API's description in OpenAPI 3.1, made from the table of routes, the bodies and the schemas."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from worker import __version__
from worker.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS
from worker.api.routes import KEY_HEADER, REPEATED_HEADER, ROUTES, Route
from worker.api.schemas import SCHEMAS, ref
from worker.domain.facts import Verb
from worker.instruction import LONGEST

_ABOUT = """Tickets for other systems of the same company: open them, look at them, act on them.

Every answer that is not what was asked for is a problem document (RFC 9457) with what, why and what to do next.
Send an Idempotency-Key with each POST: then repeating it after a broken connection is safe.
What is not HTTP at all gets 400, and headers beyond all measure 431, from the server itself."""
_REFUSALS = {
    400: "The body ended early, or is not JSON.",
    401: "No valid token.",
    403: "The token lacks the scope.",
    404: "No such ticket.",
    408: "The body took too long.",
    409: "The ticket does not allow it now, or the idempotency key stands for another act.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "Fields that cannot be taken; `errors` names each.",
    503: "The database cannot be reached and nothing was changed, or `overloaded`: too much at once.",
}


@cache
def document() -> dict[str, Any]:
    """The whole description, as JSON."""
    components: dict[str, Any] = {name: dict(schema) for name, schema in SCHEMAS.items()}
    components["OpenApi"] = {"type": "object"}
    bodies = sorted({route.body for route in ROUTES if route.body is not None}, key=lambda body: body.__name__)
    _, made = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hookdesk ticket API", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components | made,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    answers = {str(status): _answer(route, status, schema, about) for status, schema, about in route.answers}
    answers |= {str(status): _problem(status) for status in _refusals(route)}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "responses": dict(sorted(answers.items())),
        "security": [{"token": [route.scope]}] if route.scope else [],
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": ref(route.body.__name__)}}
        operation["requestBody"] = {"required": route.verb is Verb.CREATE, "content": content}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route.has_id:
        about = "The ticket's id, as a number or as t9."
        found.append({"name": "id", "in": "path", "required": True, "description": about,
                      "schema": {"type": "string", "pattern": "^[tT]?[1-9][0-9]{0,18}$"}})  # fmt: skip
    if route.verb is not None:
        about = "Yours for this act: the same key again does nothing and answers the same."
        found.append({"name": KEY_HEADER, "in": "header", "required": False, "description": about,
                      "schema": {"type": "string", "maxLength": LONGEST["key"], "pattern": "^[!-~]+$"}})  # fmt: skip
    found += [{"name": one.name, "in": "query", "required": False, "description": one.about, "schema": dict(one.schema)}
              for one in route.query]  # fmt: skip
    return found


def _answer(route: Route, status: int, schema: str, about: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": about,
        "content": {"application/json": {"schema": ref(schema)}},
    }
    headers = {}
    if route.verb is Verb.CREATE:
        headers["Location"] = {"description": "Where the ticket is.", "schema": {"type": "string"}}
    if route.verb is not None and status != 201:
        headers[REPEATED_HEADER] = {"description": "`true` for a repetition.", "schema": {"type": "string"}}
    return answer | ({"headers": headers} if headers else {})


def _refusals(route: Route) -> list[int]:
    """Any request may be told that it came late, only in part, at too great a length or at the wrong moment."""
    found = [400, 408, 413, 503]
    found += [401, 403] if route.scope else []
    found += [404] if route.has_id else []
    found += [422] if route.query or route.verb is not None else []
    return found + ([409, 415] if route.verb is not None else [])


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {MEDIA_TYPE: {"schema": ref("Problem")}},
    }
    if status == 503:
        about = f"Seconds to wait, {RETRY_AFTER_SECONDS}."
        answer["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    return answer
