"""Words for people: clocks, times, persons and causes as they are told in reasons and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from worker.domain.facts import Act, Author, Closed, Fact, Message, Person, Snapshot, TicketKey
from worker.domain.ticket import Clock, Edge
from worker.errors import AccessError, Gone, WorkError

_SHOWN = {"open": "is open", "pending": "is with the bot", "snoozed": "is snoozed", "resolved": "is resolved"}
_SOURCES = {"chatwoot": "Chatwoot"}

NOT_WANTED: Mapping[str, str] = {
    "resolved": "the ticket is resolved",
    "assigned_by_hand": "somebody assigned it by hand meanwhile",
    "superseded": "a newer decision took its place",
    "team_set_by_hand": "somebody set another team meanwhile",
    "status_moved": "the ticket's status has moved on since",
    "priority_moved": "the priority was changed since",
    "closed": "the ticket is closed",
    "followed": "the ticket is closed, and the customer has written again: another one follows it",
    "breach_withdrawn": "the breach was taken back: the answer had come in time",
    "deadline_moved": "the deadline has moved: it is too early for a warning",
    "met": "the promise was kept meanwhile",
    "breached": "the deadline has passed meanwhile, which is told by itself",
    "reopened": "the ticket was reopened",
    "answered": "the customer has answered already",
    "asked_upstream": "Chatwoot asked itself",
    "cannot_reply": "the channel does not let us write now",
    "confirmed": "the customer has confirmed that it is solved",
    "answer_changed": "the customer has changed their answer for the better",
}
"""Why an effect is not wanted any more, for each word of `outcome.is_wanted`."""

_FAILED: Mapping[str, str] = {
    "timeout": "{who} did not answer in time",
    "unreachable": "{who} cannot be reached",
    "cut": "the connection to {who} broke",
    "rate_limited": "{who} asks for fewer calls",
    "message_limit": "{who} takes no more messages for the moment",
    "unheard": "{who} has a message of the customer that is not known here yet",
    "unavailable": "{who} is not available",
    "server_error": "{who} failed",
    "bad_answer": "{who}'s answer is not what its API promises",
    "unauthorized": "{who} does not know our token",
    "forbidden": "{who} does not let us do this",
    "redirected": "the address of {who} leads elsewhere",
    "refused": "{who} refused it",
    "later": "{who} asks us to come back later",
    "too_early": "{who} asks us to come back later",
    "certificate": "{who} cannot prove that it is the one we mean",
    "address_refused": "{who} is where we must not send",
    "endpoint_gone": "{who} wants no more events",
    "not_encrypted": "{who} would have to be encrypted",
}


def metric(clock: Clock) -> str:
    """The clock in words: `first response`, `next response 2`."""
    number = f" {clock.ordinal}" if clock.ordinal > 1 else ""
    return clock.metric.replace("_", " ") + number


def when(at: datetime | None) -> str:
    """A time as people write it."""
    return f"{at.isoformat(' ')[:19]} UTC" if at is not None else "an unknown time"


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
        case Act() as act:
            return f"{act.verb} by {act.actor}"
        case Closed() as closed:
            return closed.reason
    return edge.cause


def failure(error: Exception, who: str = "Chatwoot") -> str:
    """What went wrong with a call to `who`, and in brackets what it said; an unknown error keeps its type's name."""
    match error:
        case Gone() | AccessError(ours=True):
            return f"the conversation does not exist in {who} (404)"
        case WorkError(cause=cause) if cause in _FAILED:
            return f"{_FAILED[cause].format(who=who)} ({error})"
        case WorkError():
            return str(error)
    return f"{type(error).__name__}: {error}"
