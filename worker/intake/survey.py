"""An answer from our own survey page: a delivery like any other, about a ticket that we know by its id."""

from __future__ import annotations

from worker.domain.facts import Answer, Parsed
from worker.errors import Unparsable
from worker.intake.chatwoot_messages import rating
from worker.intake.reading import Arrival, document, moment, text

EVENT = "survey.answered"


def parse(body: bytes, arrival: Arrival) -> Parsed:
    """`{"ticket_id", "resolution", "rating", "feedback", "at"}` as the page writes it. Raises Unparsable."""
    read = document(body)
    numbers = [read.get(name) for name in ("ticket_id", "resolution")]
    ticket_id, resolution = (n if isinstance(n, int) and not isinstance(n, bool) else 0 for n in numbers)
    if not (0 < ticket_id < 2**63 and 0 < resolution < 2**31):
        raise Unparsable("an answer needs the number of its ticket and of the resolution")
    answer = Answer(
        survey=f"resolution:{resolution}",
        at=moment(read, "at") or arrival.at,
        rating=rating(read),
        feedback=text(read, "feedback"),
        via="hookdesk",
    )
    return Parsed(event=EVENT, facts=(answer,), ticket_id=ticket_id)
