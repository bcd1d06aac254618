"""What rows call by short words, told to people: outcomes, causes, decisions and timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from worker.cli.output import shortened, span
from worker.domain.facts import Answer, Author, Fact, Message
from worker.domain.wording import label
from worker.store.letters import DeliveryRow

_QUOTED = 80
_OUTCOMES: Mapping[str, str] = {
    "processed": "processed",
    "duplicate": "duplicate: it told nothing new",
    "stale": "stale: older than what was already known",
    "ignored": "ignored",
}
_CAUSES: Mapping[str, str] = {
    "expired": "it waited too long",
    "superseded": "a newer decision took its place",
    "operator": "called off by hand",
    "stale": "not wanted any more",
    "dry_run": "nothing is sent in dry-run",
    "no_target": "nothing is configured that could perform it",
    "circuit_open": "the other side is left alone for a while, after too many failures",
    "own_rate": "our own limit of calls is used up for the moment",
    "gone": "the conversation does not exist in Chatwoot",
    "target_disabled": "its target is switched off",
    "grouped": "it is told together with others",
    "too_many": "too_many: its ticket asked for more than twenty effects within an hour",
    "unparsable": "its body is not what this source sends",
    "stale_timestamp": "its signature is right, but its time is too far from ours",
    "too_large": "its body is larger than this source may send",
    "poison": "its worker died three times while it was alone with it",
}


def cause(word: str | None, detail: str | None) -> str:
    """Why: the detail where there is one, else what the cause means, else the cause itself."""
    return detail or _CAUSES.get(word or "", word or "")


def outcome(row: DeliveryRow) -> str:
    """How a delivery ended, or where it stands."""
    if row.duplicate_of is not None:
        return f"duplicate: the same as d{row.duplicate_of}"
    if row.state == "done":
        why = f": {row.cause}" if row.cause else ""
        return _OUTCOMES.get(row.outcome or "", row.outcome or "done") + why
    why = cause(row.cause, row.detail)
    return f"{row.state}: {why}" if why else row.state


def why(row: DeliveryRow) -> str:
    """What there is to add to a delivery's outcome, in one line."""
    if row.duplicate_of is not None:
        return f"same as d{row.duplicate_of}"
    told = {"duplicate": "told nothing new", "stale": "older than what was known"}
    return cause(row.cause, row.detail) or told.get(row.outcome or "", "")


def said(fact: Fact) -> str:
    """Who wrote or answered, and the beginning of it; nothing for what only tells how a conversation stands."""
    match fact:
        case Answer(rating=rating, feedback=feedback):
            return f"the customer gave {rating} of 5{quoted(feedback)}"
        case Message(author=Author.OWN):
            return "our own message"
        case Message(author=Author.SYSTEM):
            return "a note of the source itself"
        case Message(private=private, auto_reply=automatic, text=text):
            if automatic:
                return f"an automatic reply of {_writer(fact)}"
            return f"{_writer(fact)} wrote {'a private note' if private else ''}".rstrip() + quoted(text)
    return ""


def quoted(text: str) -> str:
    """The beginning of a text in quotes, after a colon; nothing for nothing."""
    return f": “{shortened(text, _QUOTED)}”" if text.strip() else ""


def _writer(message: Message) -> str:
    if message.author is Author.CUSTOMER:
        return "the customer"
    if message.by is not None:
        return label(message.by)
    return "an agent" if message.author is Author.AGENT else "the bot"


TIMERS: Mapping[str, Callable[[str], str]] = {
    "sla": lambda key: f"to look whether {clock(key)} was in time",
    "warning": lambda key: f"to warn when {key.rpartition(':')[2]} % of {clock(key.rpartition(':')[0])} is used up",
    "csat": lambda key: f"to ask the customer about {key.replace(':', ' ')}",
    "priority": lambda key: f"to look at the priority again: rule {key!r}",
    "reroute": lambda key: (
        "to look who can take it from the queue" if key == "queue" else "to look whether the agent is back"
    ),
    "escalation": lambda key: (
        f"to look whether it has to go up: rule {key.rpartition(':')[0]!r}, level {key.rpartition(':')[2]}"
    ),
    "closing": lambda key: _CLOSING.get(key.rpartition(":")[2], "to look whether it can be closed"),
}
"""What each kind of timer is for, told from its key."""

_CLOSING: Mapping[str, str] = {
    "notice": "to tell the customer that it will be closed",
    "quiet": "to close it, if nothing came from the customer",
    "confirmation": "to close it, as the customer said that it is done",
    "done": "to look whether all is there that closing needs",
}


def timer(kind: str, key: str) -> str:
    """What a timer is for."""
    told = TIMERS.get(kind)
    return told(key) if told is not None else f"{kind} {key}"


def clock(key: str) -> str:
    """`next_response:2` as `next response 2`; the first of its kind has no number."""
    name, _, ordinal = key.partition(":")
    return name.replace("_", " ") + (f" {ordinal}" if ordinal not in ("", "1") else "")


def came_from(word: str) -> str:
    """What led to an event: a delivery by its id, a person, a timer in words, nothing for our own decision."""
    if word.startswith("timer:"):
        return "when its timer fired"
    if word.startswith("by:"):
        return f"by {word.removeprefix('by:')}"
    return "" if word in ("now", "routing") else word


def lasted(start: datetime, end: datetime) -> str:
    """How long it took, with an eye for the small: `0.02 s`, `1 m 5 s`."""
    seconds = (end - start).total_seconds()
    return f"{seconds:.2f} s" if abs(seconds) < 1 else span(seconds)
