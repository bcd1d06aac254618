"""What schemathesis is about to send, made fit to get past the door: signed, and with tokens and ids that exist.

Loaded by SCHEMATHESIS_HOOKS. One in eight stays as it is.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import requests
import schemathesis

from tests.fuzz import TICKETS
from tests.unit.webhooks.senders import LINK_SECRET, URL_TOKEN, send_from
from webhooks.sources.registry import match
from worker import survey_token
from worker.survey_token import SurveyLink

AS_IT_IS = 8  # one of so many


class Signed(requests.auth.AuthBase):
    """Called by requests with the whole request, just before it is sent."""

    def __call__(self, made: requests.PreparedRequest) -> requests.PreparedRequest:
        """The proof of the path's source over the body as it is."""
        body = made.body.encode() if isinstance(made.body, str) else made.body or b""
        found = match(made.path_url.partition("?")[0])
        if found is not None and isinstance(body, bytes) and zlib.crc32(body) % AS_IT_IS:
            sent = send_from(found[0], body, at=datetime.now(UTC), delivery_id=str(zlib.crc32(body)))
            made.headers.update(sent.headers)
        return made


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Every webhook is signed; most paths name something."""
    if case.path.startswith("/webhooks/"):
        kwargs["auth"] = Signed()
    number = zlib.crc32(repr((case.body, case.query)).encode("utf-8", "surrogatepass"))
    if case.path_parameters and number % AS_IT_IS:
        known = {"/survey/{token}": ("token", _link()), "/webhooks/chatwoot/{token}": ("token", URL_TOKEN)}
        name, value = known.get(case.path, ("id", f"t{number % TICKETS + 1}"))
        case.path_parameters[name] = value


@cache
def _link() -> str:
    return survey_token.make([LINK_SECRET], SurveyLink(9, 2, datetime.now(UTC) + timedelta(days=7), "de"))
