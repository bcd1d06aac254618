"""What went wrong, as RFC 9457 problem documents: what, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from worker.errors import Invalid, InvalidTransition, NotDone, NotFound, Refused
from worker.shapes import dumps

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

_PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "invalid_json": (400, "The body is not a JSON object", "Send one JSON object in UTF-8, each name once, no NaN."),
    "incomplete": (400, "The request ended early", "Send all of its body, as long as Content-Length says."),
    "unauthorized": (401, "The request carries no valid token",
                     "Send `Authorization: Bearer <token>` with a token of HOOKDESK_API_TOKENS. `hookdesk up` keeps "
                     "one in secrets.env in the data folder: the part after the last colon."),
    "forbidden": (403, "This token may not do that", "Use another token, or add the scope in HOOKDESK_API_TOKENS."),
    "not_found": (404, "There is nothing here", "GET /api/tickets lists the tickets, /api/openapi.json all routes."),
    "method_not_allowed": (405, "That method is not used here", "The header Allow names those that are."),
    "too_slow": (408, "The body took too long", "Send it again, all of it within 3 seconds."),
    "invalid_transition": (409, "The ticket's status does not allow this", "Use one of `verbs`, or none is left."),
    "not_done": (409, "The ticket is not done yet", "Add what is missing, then close it again."),
    "idempotency_key_reused": (409, "This idempotency key is used already", "Use a new key for each act."),
    "cannot_reply": (409, "The customer cannot be written to now", "Call them, or wait until they write again."),
    "refused": (409, "That is not allowed now", "Look at the ticket, then decide anew."),
    "too_large": (413, "The body is too large", "Send at most 128 KiB."),
    "unsupported_media_type": (415, "The body is not JSON", "Send it with `Content-Type: application/json`."),
    "invalid": (422, "The request is not well said", "Mend each field of `errors`; /api/openapi.json has the schema."),
    "error": (500, "Something went wrong on our side", "Send it again later; the log of `hookdesk api` says what."),
    "overloaded": (503, "This cannot be answered right now",
                   "Send it again after the seconds in Retry-After, under the same Idempotency-Key: it may be done."),
    "unavailable": (503, "The database cannot be reached", "Send it again after the seconds in Retry-After."),
}  # fmt: skip
CODES = tuple(_PROBLEMS)


@dataclass(eq=False)
class Problem(Exception):
    """Ends a request; `code` is one of CODES, `detail` says why in a sentence, `more` are further members."""

    code: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _PROBLEMS[self.code][0]

    def response(self) -> Response:
        """The whole answer."""
        status, title, following = _PROBLEMS[self.code]
        body = {"type": f"urn:hookdesk:problem:{self.code}", "code": self.code, "status": status, "title": title,
                "detail": self.detail, "next": following, **self.more}  # fmt: skip
        answer = Response(dumps(body) + "\n", status=status, mimetype=MEDIA_TYPE)
        answer.headers.extend(dict(self.headers))
        return answer


def of_error(error: Invalid | NotFound | Refused) -> Problem:
    """The problem that one of our own errors is."""
    detail = str(error).removeprefix(f"{getattr(error, 'code', '')}: ")
    match error:
        case Invalid():
            errors = [{"field": name, "reason": why} for name, why in error.mistakes.items()]
            return Problem("invalid", f"{len(errors)} of its fields cannot be taken as they are", {"errors": errors})
        case NotFound():
            return Problem("not_found", detail)
        case InvalidTransition():
            more = {"ticket_status": error.current, "verb": error.verb, "legal": error.legal, "verbs": error.verbs}
            return Problem(error.code, detail, more)
        case NotDone():
            return Problem(error.code, detail, {"missing": error.missing})
    return Problem(error.code if error.code in _PROBLEMS else "refused", detail)


def unavailable(detail: str) -> Problem:
    """The store does not answer; nothing is known to be wrong with the request."""
    return Problem("unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
