"""Which parser reads which source. A new source is a line here and a file beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from worker.domain.facts import Parsed
from worker.errors import Unparsable
from worker.intake import chatwoot, email, form, survey
from worker.intake.reading import Arrival

Parser = Callable[[bytes, Arrival], Parsed]

PARSERS: Mapping[str, Parser] = {
    "chatwoot": chatwoot.parse,
    "email": email.parse,
    "form": form.parse,
    "survey": survey.parse,
}


def parse(
    source: str,
    endpoint: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    received_at: datetime,
    sent_at: datetime | None,
    account_id: int | None,
) -> Parsed:
    """The facts of one delivery. Raises Unparsable, and nothing else, for whatever the body holds."""
    parser = PARSERS.get(source)
    if parser is None:
        raise Unparsable(f"no parser for {source}/{endpoint}", cause="unknown_source")
    arrival = Arrival(received_at=received_at, sent_at=sent_at, account_id=account_id, headers=headers)
    try:
        return parser(body, arrival)
    except RecursionError as exc:  # nested as deep as JSON's reader just allowed
        raise Unparsable("nested too deeply") from exc
