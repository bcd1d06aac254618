"""What Chatwoot says: event names → handlers → facts. The shapes are those of its presenters, 4.x, all versions.

One save makes several deliveries with the same conversation in each, so equal bodies must give equal facts, whatever
event carried them. A conversation quotes its last public message, but with other times than the message's own event:
it is taken as text for a first look at the ticket, never as a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from worker.domain.facts import Fact, Parsed, Snapshot, TicketKey
from worker.errors import Unparsable
from worker.intake import chatwoot_attributes
from worker.intake.chatwoot_messages import answer, direction, message, person
from worker.intake.reading import Arrival, child, children, document, flag, identity, line, moment, needed, text

Body = Mapping[str, Any]
Handler = Callable[[str, Body, Arrival], Parsed]

_QUOTED = 500
_MOST_LABELS = 500
_BOTS = ("agent_bot", "captain_assistant")


def parse(body: bytes, arrival: Arrival) -> Parsed:
    """The facts of one delivery. Raises Unparsable."""
    read = document(body)
    event = line(read, "event", limit=80)
    if not event:
        raise Unparsable("event is missing")
    if event in IGNORED:
        return Parsed(event=event, ignored=IGNORED[event])
    handler = HANDLERS.get(event)
    return handler(event, read, arrival) if handler is not None else Parsed(event=event, ignored="unknown_event")


def _conversation(event: str, body: Body, arrival: Arrival) -> Parsed:
    return Parsed(event=event, ticket=_ticket(body, body, arrival), facts=(snapshot(body, arrival),))


def _message(event: str, body: Body, arrival: Arrival) -> Parsed:
    conversation = child(body, "conversation")
    if not conversation:
        raise Unparsable("a message without its conversation")
    facts: list[Fact] = []
    if direction(body) != "activity":
        facts.append(message(body, arrival))
        answered = answer(body, conversation, arrival)
        facts += [answered] if answered is not None else []
    facts.append(snapshot(conversation, arrival))
    return Parsed(event=event, ticket=_ticket(body, conversation, arrival), facts=tuple(facts))


def _ticket(body: Body, conversation: Body, arrival: Arrival) -> TicketKey:
    """`account` came into conversation bodies with 4.14.2; before, the endpoint's configuration knows it."""
    named = _accounts(body, conversation)
    ours = str(arrival.account_id) if arrival.account_id is not None else None
    foreign = [account for account in named if account != (ours or named[0])]
    if foreign:
        raise Unparsable(f"it is about account {foreign[0]}, this desk works for account {ours}", cause="wrong_account")
    account = ours or next(iter(named), None)
    if account is None:
        raise Unparsable("neither the body nor the settings name an account")
    return TicketKey("chatwoot", f"{account}/{needed(conversation, 'id')}")


def _accounts(body: Body, conversation: Body) -> list[str]:
    """Every account that a body names: bodies before 4.14.2 do so only in the messages they quote."""
    places = [(child(body, "account"), "id"), (child(conversation, "account"), "id"), (conversation, "account_id")]
    places += [(one, "account_id") for one in children(conversation, "messages") if isinstance(one, dict)]
    return [account for place, key in places if (account := identity(place, key)) is not None]


def snapshot(conversation: Body, arrival: Arrival) -> Snapshot:
    """The registers of a conversation as this body shows them."""
    meta = child(conversation, "meta")
    extra = child(conversation, "additional_attributes")
    assignee, sender = child(meta, "assignee"), child(meta, "sender")
    at = moment(conversation, "updated_at") or arrival.at
    status = line(conversation, "status", limit=40)
    if not status:
        raise Unparsable("status is missing")
    registers: dict[str, Any] = {
        "at": at,
        "status": status,
        "created_at": moment(conversation, "created_at") or at,
        "priority": line(conversation, "priority", limit=40) or None,
        "labels": tuple(_labels(conversation)),
        "assignee": person(assignee),
        "assignee_is_bot": line(meta, "assignee_type", limit=40) == "AgentBot" or assignee.get("type") in _BOTS,
        "team": person(child(meta, "team")),
        "requester": person(sender),
        "tier": chatwoot_attributes.tier(sender),
        "channel": _channel(line(conversation, "channel", limit=100)),
        "subject": line(extra, "mail_subject"),
        "inbox_id": identity(conversation, "inbox_id"),
        "can_reply": flag(conversation, "can_reply", default=True),
        "first_reply_at": moment(conversation, "first_reply_created_at"),
        "waiting_since": moment(conversation, "waiting_since"),
        "auto_reply": extra.get("auto_reply") is True,
        "text": _quoted(conversation),
        "language": chatwoot_attributes.language(conversation, sender),
        "organization": chatwoot_attributes.organization(sender),
        "attributes": chatwoot_attributes.attributes(conversation),
    }
    return Snapshot(**registers, digest=_digest(registers, conversation))


def _digest(registers: Mapping[str, Any], conversation: Body) -> str:
    """Tells two bodies of one microsecond apart: a missed SLA, for one, does not move `updated_at`."""
    seen = repr((registers, conversation.get("applied_sla"), conversation.get("sla_events")))
    return blake2b(seen.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _labels(conversation: Body) -> list[str]:
    labels = children(conversation, "labels")[:_MOST_LABELS]
    return [line({"label": label}, "label", limit=100) for label in labels if label is not None]


@lru_cache(maxsize=256)
def _channel(name: str) -> str:
    """`Channel::WebWidget` is `web_widget` in policies and records."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removeprefix("Channel::")).lower()


def _quoted(conversation: Body) -> str:
    for quoted in children(conversation, "messages"):
        if isinstance(quoted, dict) and quoted.get("message_type") in (0, "incoming"):
            return text(quoted, "processed_message_content", limit=_QUOTED) or text(quoted, "content", limit=_QUOTED)
    return ""


HANDLERS: Mapping[str, Handler] = {
    "conversation_created": _conversation,
    "conversation_updated": _conversation,
    "conversation_status_changed": _conversation,
    "conversation_opened": _conversation,
    "conversation_resolved": _conversation,
    "automation_event.conversation_created": _conversation,
    "automation_event.conversation_updated": _conversation,
    "automation_event.conversation_opened": _conversation,
    "automation_event.conversation_resolved": _conversation,
    "automation_event.message_created": _conversation,
    "macro.executed": _conversation,
    "message_created": _message,
    "message_updated": _message,
    "message_incoming": _message,
    "message_outgoing": _message,
}
"""Automation and macro bodies are conversations, whatever the name says; the last two are names of forks."""

IGNORED: Mapping[str, str] = {
    "contact_created": "contact_event",
    "contact_updated": "contact_event",
    "contact_deleted": "contact_event",
    "conversation_typing_on": "typing",
    "conversation_typing_off": "typing",
    "webwidget_triggered": "widget",
    "inbox_created": "inbox_event",
    "inbox_updated": "inbox_event",
    "account_created": "account_event",
}
"""Events that say nothing about a ticket, and the word they are counted under."""
