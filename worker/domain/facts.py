"""What is known about a ticket: an unordered set of facts, each with its own time and an identity.

Messages and answers are a set keyed by id. Snapshots carry the registers (status, assignee, team, labels,
priority) as they stood at `updated_at`; the latest wins, and the earlier ones remain as history, so that the
same facts in any order give the same ticket. Our own decisions are facts too.
"""

from __future__ import annotations

from dataclasses import dataclass

from worker.domain.heard import Answer, Author, Message, Person, Snapshot, TicketKey
from worker.domain.own import Act, Asked, Candidate, Closed, Escalated, Folded, Followed, Matched, Routed, Verb

__all__ = (
    "Act",
    "Answer",
    "Asked",
    "Author",
    "Candidate",
    "Closed",
    "Escalated",
    "Fact",
    "Folded",
    "Followed",
    "Matched",
    "Message",
    "Parsed",
    "Person",
    "Routed",
    "Snapshot",
    "TicketKey",
    "Verb",
)


Fact = Message | Snapshot | Answer | Routed | Asked | Act | Escalated | Closed | Followed | Matched | Folded


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one delivery says: its event name, the ticket and the facts; or why it is ignored.

    A survey's answer knows its ticket by our own `ticket_id`, not by the source's key.
    """

    event: str
    ticket: TicketKey | None = None
    facts: tuple[Fact, ...] = ()
    ignored: str = ""  # a closed word: contact_event, typing, widget, unknown_event …
    ticket_id: int | None = None
