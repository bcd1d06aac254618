"""The token in a survey link: which resolution of which ticket, signed and expiring; nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

MAX_AGE_SECONDS = 30 * 24 * 3600
_SALT = "survey"


@dataclass(frozen=True, slots=True)
class SurveyLink:
    """What a valid token says: the ticket's row id and the ordinal of its resolution."""

    ticket_id: int
    resolution: int


def make(secrets: Sequence[str], *, ticket_id: int, resolution: int) -> str:
    """A token signed with the first secret. Raises ValueError when there is none."""
    return str(_serializer(secrets).dumps({"t": ticket_id, "r": resolution}))


def read(secrets: Sequence[str], token: str, *, max_age_seconds: int = MAX_AGE_SECONDS) -> SurveyLink | None:
    """What the token says if any of the secrets signed it and it is young enough; else None, never why."""
    if not secrets:
        return None
    try:
        data = _serializer(secrets).loads(token, max_age=max_age_seconds)
    except BadData:
        return None
    match data:
        case {"t": int(ticket_id), "r": int(resolution)}:
            return SurveyLink(ticket_id, resolution)
        case _:
            return None


def _serializer(secrets: Sequence[str]) -> URLSafeTimedSerializer:
    if not secrets:
        raise ValueError("HOOKDESK_LINK_SECRETS is empty: survey links cannot be signed")
    return URLSafeTimedSerializer(list(reversed(secrets)), salt=_SALT)  # itsdangerous signs with the last
