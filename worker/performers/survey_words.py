"""A survey's text as the customer gets it, the signed link to its page filled in."""

from __future__ import annotations

from datetime import UTC, datetime

from worker import survey_token
from worker.config import Settings
from worker.domain.policy import CsatPolicy
from worker.errors import PermanentError
from worker.store.effects import ClaimedEffect
from worker.survey_token import SurveyLink


def survey_text(claimed: ClaimedEffect, settings: Settings, csat: CsatPolicy) -> str:
    """The link is valid from now on. Raises PermanentError("no_link_secret")."""
    if not settings.link_secrets:
        raise PermanentError("no_link_secret", "HOOKDESK_LINK_SECRETS is empty: the survey link cannot be signed")
    about = SurveyLink(
        claimed.ticket_id,
        int(claimed.payload["resolution"]),
        expires_at=datetime.now(UTC) + csat.link_valid,
        language=str(claimed.payload.get("language", "")),
        editable=csat.editable,
    )
    token = survey_token.make(settings.link_secrets, about)
    link = f"{settings.public_url.rstrip('/')}/survey/{token}"
    return str(claimed.payload["text"]).replace("{link}", link)
