"""Words for people: clocks, times, persons and causes as they are told in reasons and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from worker.domain.facts import Author, Fact, Message, Person, Snapshot, TicketKey
from worker.domain.ticket import Clock, Edge
from worker.errors import AccessError, Gone, WorkError

_SHOWN = {"open": "is open", "pending": "is with the bot", "snoozed": "is snoozed", "resolved": "is resolved"}
_SOURCES = {"chatwoot": "Chatwoot"}

NOT_WANTED: Mapping[str, str] = {
    "resolved": "the ticket is resolved",
    "assigned_by_hand": "somebody assigned it by hand meanwhile",
    "superseded": "a newer decision took its place",
    "team_set_by_hand": "somebody set another team meanwhile",
    "breach_withdrawn": "the breach was taken back: the answer had come in time",
    "reopened": "the ticket was reopened",
    "answered": "the customer has answered already",
    "asked_upstream": "Chatwoot asked itself",
    "cannot_reply": "the channel does not let us write now",
}
"""Why an effect is not wanted any more, for each word of `outcome.is_wanted`."""

_FAILED: Mapping[str, str] = {
    "timeout": "Chatwoot did not answer in time",
    "unreachable": "Chatwoot cannot be reached",
    "cut": "the connection to Chatwoot broke",
    "rate_limited": "Chatwoot asks for fewer calls",
    "message_limit": "Chatwoot takes no more messages for the moment",
    "unavailable": "Chatwoot is not available",
    "server_error": "Chatwoot failed",
    "bad_answer": "Chatwoot's answer is not what its API promises",
    "unauthorized": "Chatwoot does not know our token",
    "forbidden": "our token may not do this",
    "redirected": "HOOKDESK_CHATWOOT_URL leads elsewhere",
    "refused": "Chatwoot refused it",
}


def metric(clock: Clock) -> str:
    """The clock in words: `first response`, `next response 2`."""
    number = f" {clock.ordinal}" if clock.ordinal > 1 else ""
    return clock.metric.replace("_", " ") + number


def when(at: datetime | None) -> str:
    """A time as people write it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "an unknown time"


def label(person: Person | None) -> str:
    """A person by name, else by address or id."""
    return "nobody" if person is None else person.name or person.email or person.id or "somebody without a name"


def hours(seconds: float) -> str:
    """A promised time. Never in days: it is counted in business hours, and a business day is not 24 of them."""
    rest, words = round(seconds), []
    for size, unit in ((3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words) or "0 s"


def source(key: TicketKey) -> str:
    """The source by its own name."""
    return _SOURCES.get(key.source, key.source)


def why_walked(edge: Edge, facts: Iterable[Fact], key: TicketKey) -> str:
    """What made a ticket take this edge, without the keys that facts are stored under."""
    match next((fact for fact in facts if fact.key == edge.cause), None):
        case Message(author=Author.CUSTOMER) as message:
            again = " again" if edge.before == "resolved" else ""
            return f"the customer wrote{again} (message {message.id})"
        case Message() as message:
            return f"{label(message.by) if message.by else 'an agent'} replied (message {message.id})"
        case Snapshot() as shot if shot.first_reply_at == edge.at != shot.at:
            return f"{source(key)} says that an agent has replied"
        case Snapshot() as shot:
            return f"the conversation {_SHOWN.get(shot.status, shot.status)} in {source(key)}"
    return edge.cause


def failure(error: Exception) -> str:
    """What went wrong with a call to Chatwoot, and in brackets what it said; an unknown error keeps its type's name."""
    match error:
        case Gone() | AccessError(ours=True):
            return "the conversation does not exist in Chatwoot (404)"
        case WorkError(cause=cause) if cause in _FAILED:
            return f"{_FAILED[cause]} ({error})"
        case WorkError():
            return str(error)
    return f"{type(error).__name__}: {error}"
