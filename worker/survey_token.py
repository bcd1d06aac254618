"""The token in a survey link, and the seal of the form behind it: signed, expiring, and saying nothing of the ticket.

The page reads no ticket, so the token carries what it needs: which resolution of which ticket, the requester's
language, until when it may be opened, and for how long an answer may be changed. The seal is what a form that was
really shown sends back, so that a program which only posts to the link's address records nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from worker.language import two_letters

USUAL_VALIDITY = timedelta(days=30)  # of tokens that do not say it: those before 1.0
USUAL_EDITABLE = timedelta(hours=1)
SEALED_FOR = timedelta(hours=24)  # a form may stay open so long before it is sent
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_SALT, _FORM_SALT = "survey", "survey-form"


@dataclass(frozen=True, slots=True)
class SurveyLink:
    """What a genuine token says: the ticket's row id, the ordinal of its resolution, and how to show the page."""

    ticket_id: int
    resolution: int
    expires_at: datetime
    language: str = ""
    editable: timedelta = USUAL_EDITABLE


def make(secrets: Sequence[str], link: SurveyLink) -> str:
    """A token signed with the first secret. Raises ValueError when there is none."""
    said: dict[str, Any] = {"t": link.ticket_id, "r": link.resolution, "e": int(link.expires_at.timestamp())}
    if link.language:
        said["l"] = link.language
    if link.editable != USUAL_EDITABLE:
        said["c"] = int(link.editable.total_seconds())
    return str(_timed(secrets).dumps(said))


def read(secrets: Sequence[str], token: str) -> SurveyLink | None:
    """What the token says if any of the secrets signed it, expired or not; else None, never why."""
    if not secrets:
        return None
    try:
        said, signed_at = _timed(secrets).loads(token, return_timestamp=True)
    except (BadData, ValueError):  # the second: what cannot even be encoded
        return None
    match said:
        case {"t": int(ticket_id), "r": int(resolution)}:
            expires_at = _moment(said.get("e")) or signed_at + USUAL_VALIDITY
            editable = timedelta(seconds=said["c"]) if isinstance(said.get("c"), int) else USUAL_EDITABLE
            return SurveyLink(ticket_id, resolution, expires_at, two_letters(said.get("l")), editable)
        case _:
            return None


def seal(secrets: Sequence[str], token: str, *, at: datetime) -> str:
    """What the form behind this token sends back when it is sent. Raises ValueError when there is no secret."""
    return str(_plain(secrets).dumps([_digest(token), int(at.timestamp())]))


def is_sealed(secrets: Sequence[str], token: str, given: str, *, now: datetime) -> bool:
    """Whether the form behind this token was shown within SEALED_FOR."""
    try:
        said = _plain(secrets).loads(given)
    except (BadData, ValueError):
        return False
    match said:
        case [str(digest), int(shown_at)]:
            age = now.timestamp() - shown_at
            return (
                hmac.compare_digest(digest.encode(), _digest(token).encode())
                and -SEALED_FOR.total_seconds() <= age <= SEALED_FOR.total_seconds()
            )
        case _:
            return False


def _moment(seconds: object) -> datetime | None:
    """Signed by us, so it is a time; a far one is as good as the last."""
    if not isinstance(seconds, int):
        return None
    return datetime.fromtimestamp(min(seconds, int(_LAST.timestamp())), UTC)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _timed(secrets: Sequence[str]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_keys(secrets), salt=_SALT)


def _plain(secrets: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(_keys(secrets), salt=_FORM_SALT)


def _keys(secrets: Sequence[str]) -> list[str]:
    """itsdangerous signs with the last."""
    if not secrets:
        raise ValueError("HOOKDESK_LINK_SECRETS is empty: survey links cannot be signed")
    return list(reversed(secrets))
