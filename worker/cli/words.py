"""What rows call by short words, told to people: outcomes, causes, decisions and timers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from worker.cli.output import span
from worker.domain.facts import Answer, Author, Fact, Message
from worker.domain.wording import label
from worker.store.effects import StoredEffect
from worker.store.letters import DeliveryRow

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
    "no_target": "no Chatwoot is configured for it",
    "circuit_open": "Chatwoot is left alone for a while, after too many failures",
    "own_rate": "our own limit of calls is used up for the moment",
    "gone": "the conversation does not exist in Chatwoot",
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
    """Who wrote or answered; nothing for what only tells how a conversation stands."""
    match fact:
        case Answer(rating=rating):
            return f"the customer gave {rating} of 5"
        case Message(author=Author.OWN):
            return "our own message"
        case Message(author=Author.SYSTEM):
            return "a note of the source itself"
        case Message(author=author, by=by, private=private, auto_reply=automatic):
            who = (
                "the customer"
                if author is Author.CUSTOMER
                else label(by)
                if by is not None
                else "an agent"
                if author is Author.AGENT
                else "the bot"
            )
            verb = "wrote a private note" if private else "wrote"
            return f"an automatic reply of {who}" if automatic else f"{who} {verb}"
    return ""


def asked_for(effect: StoredEffect) -> str:
    """What an effect is about: whom it sets, or what it speaks of."""
    payload = effect.payload
    if name := payload.get("agent") or payload.get("team"):
        return str(name)
    kind, _, rest = effect.decision.partition(":")
    about = {"routed": "the routing", "sla": f"the breach of {clock(rest)}", "resolution": f"resolution {rest}"}
    return f"about {about.get(kind, effect.decision)}"


def standing(effect: StoredEffect) -> str:
    """Where an effect stands, and why."""
    why = cause(effect.cause, effect.detail)
    match effect.state:
        case "approval":
            return f"waits for `hookdesk effects approve e{effect.id} --yes`" + (f": {why}" if why else "")
        case "no_target":
            return "not sent: no Chatwoot is configured for it"
        case "dry_run":
            return "not sent: dry-run"
    return f"{effect.state}: {why}" if why else effect.state


def timer(kind: str, key: str) -> str:
    """What a timer is for."""
    match kind:
        case "sla":
            return f"to look whether {clock(key)} was in time"
        case "csat":
            return f"to ask the customer about {key.replace(':', ' ')}"
        case "priority":
            return f"to look at the priority again: rule {key!r}"
    return f"{kind} {key}"


def clock(key: str) -> str:
    """`next_response:2` as `next response 2`; the first of its kind has no number."""
    name, _, ordinal = key.partition(":")
    return name.replace("_", " ") + (f" {ordinal}" if ordinal not in ("", "1") else "")


def came_from(word: str) -> str:
    """What led to an event: a delivery by its id, a timer in words, nothing for our own decision."""
    if word.startswith("timer:"):
        return "when its timer fired"
    return "" if word in ("now", "routing") else word


def lasted(start: datetime, end: datetime) -> str:
    """How long it took, with an eye for the small: `0.02 s`, `1 m 5 s`."""
    seconds = (end - start).total_seconds()
    return f"{seconds:.2f} s" if abs(seconds) < 1 else span(seconds)
