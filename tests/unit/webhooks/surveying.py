"""What the tests of the survey page share: links, and a person who opens the page before sending the form."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.unit.webhooks.senders import LINK_SECRET, NOW
from tests.unit.webhooks.world import World
from worker import survey_token
from worker.survey_token import SurveyLink

OTHER = "another-link-secret-of-32-characters-or-so"
_SEAL = re.compile(r'name="seal" value="([^"]+)"')


def a_link(**given: Any) -> SurveyLink:
    return SurveyLink(**{"ticket_id": 9, "resolution": 2, "expires_at": NOW + timedelta(days=7), **given})


def address(secret: str = LINK_SECRET, **given: Any) -> str:
    return "/survey/" + survey_token.make([secret], a_link(**given))


def seal_in(page: TestResponse) -> str:
    found = _SEAL.search(page.text)
    assert found is not None
    return found[1]


def answer(world: World, where: str | None = None, **fields: str) -> TestResponse:
    """Open the page and send its form."""
    where = where or address()
    return world.client.post(where, data={"seal": seal_in(world.client.get(where)), **fields})
