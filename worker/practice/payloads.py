"""What the practice Chatwoot says in its webhooks: key for key what Chatwoot 4.15.1 says."""

from __future__ import annotations

import json
from typing import Any

from worker.clock import from_micros
from worker.practice.world import Agent, Bot, Contact, Conversation, Message, World

Payload = dict[str, Any]
_KINDS = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_BROWSER = {
    "browser": {
        "device_name": "Unknown",
        "browser_name": "Chrome",
        "platform_name": "Windows",
        "browser_version": "126.0.0.0",
        "platform_version": "10.0",
    },
    "referer": "https://www.northwind.example/pricing",
}
_PLACE = {"city": "Berlin", "country": "Germany", "country_code": "DE", "created_at_ip": "203.0.113.10"}


def body(payload: Payload) -> bytes:
    """The bytes ActiveSupport makes: compact, UTF-8, with <, >, & and the line separators escaped."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8")


def iso(micros: int | None) -> str | None:
    """A time as ISO with milliseconds, as Rails writes it."""
    if not micros:
        return None
    return from_micros(micros).strftime("%Y-%m-%dT%H:%M:%S.") + f"{micros // 1000 % 1000:03d}Z"


def epoch(micros: int) -> int:
    """Whole seconds; 0 means none."""
    return micros // 1_000_000


def conversation(world: World, c: Conversation) -> Payload:
    """The Conversation of a webhook (conversations/event_data_presenter.rb)."""
    shown = c.shown
    return {
        "additional_attributes": _additional(c),
        "can_reply": True,
        "channel": "Channel::WebWidget",
        "contact_inbox": _contact_inbox(world, c.contact),
        "id": c.id,
        "inbox_id": world.inbox["id"],
        "messages": [] if shown is None else [_pushed(world, c, shown)],
        "labels": list(c.labels),
        "meta": _meta(c),
        "status": c.status,
        "custom_attributes": dict(c.custom_attributes),
        "snoozed_until": iso(c.snoozed_until),
        "unread_count": c.unread,
        "first_reply_created_at": iso(c.first_reply),
        "priority": c.priority,
        "waiting_since": epoch(c.waiting_since),
        "agent_last_seen_at": epoch(c.agent_seen),
        "contact_last_seen_at": epoch(c.contact_seen),
        "last_activity_at": epoch(c.last_activity),
        "timestamp": epoch(c.last_activity),
        "created_at": epoch(c.created),
        "updated_at": c.updated / 1_000_000,
        "account": dict(world.account),
    }


def message(world: World, c: Conversation, m: Message) -> Payload:
    """The Message of a webhook (message.rb#webhook_data)."""
    return {
        "account": dict(world.account),
        "additional_attributes": {},
        "content_attributes": m.content_attributes,
        "content_type": m.content_type,
        "content": m.content,
        "conversation": conversation(world, c),
        "created_at": iso(m.micros),
        "id": m.id,
        "inbox": dict(world.inbox),
        "message_type": _KINDS[m.kind],
        "private": m.private,
        "sender": _author(world, m.sender),
        "source_id": m.source_id,
    }


def contact(world: World, who: Contact) -> Payload:
    """The Contact of a webhook: no `type`, unlike everywhere else."""
    shown = _contact(who)
    del shown["type"]
    return {
        "account": dict(world.account),
        "additional_attributes": shown.pop("additional_attributes"),
        "avatar": "",
        **shown,
    }


def tracked(c: Conversation) -> Payload:
    """The attributes whose change makes a conversation_updated, in the order of the table's columns."""
    return {
        "status": c.status,
        "assignee_id": c.assignee.id if c.assignee else None,
        "updated_at": iso(c.updated),
        "assignee_agent_bot_id": c.bot.id if c.bot else None,
        "team_id": c.team.id if c.team else None,
        "snoozed_until": iso(c.snoozed_until),
        "custom_attributes": dict(c.custom_attributes),
        "first_reply_created_at": iso(c.first_reply),
        "priority": c.priority,
        "waiting_since": iso(c.waiting_since),
        "cached_label_list": ", ".join(c.labels),
        "label_list": list(c.labels),
    }


def _additional(c: Conversation) -> Payload:
    started = from_micros(c.created).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
    return {**_BROWSER, "initiated_at": {"timestamp": started}, "browser_language": "de"}


def _contact_inbox(world: World, who: Contact) -> Payload:
    return {
        "id": who.id + 79,
        "contact_id": who.id,
        "inbox_id": world.inbox["id"],
        "source_id": who.inbox_source,
        "created_at": iso(who.micros),
        "updated_at": iso(who.micros),
        "hmac_verified": False,
        "pubsub_token": who.pubsub_token,
    }


def _meta(c: Conversation) -> Payload:
    assignee = c.bot or c.assignee
    return {
        "sender": _contact(c.contact),
        "assignee": sender(assignee) if assignee else None,
        "assignee_type": None if assignee is None else "AgentBot" if isinstance(assignee, Bot) else "User",
        "team": {"id": c.team.id, "name": c.team.name} if c.team else None,
        "hmac_verified": False,
    }


def _pushed(world: World, c: Conversation, m: Message) -> Payload:
    kind = {Contact: "Contact", Agent: "User", Bot: "AgentBot"}.get(type(m.sender))
    row = {
        "id": m.id,
        "content": m.content,
        "account_id": world.account["id"],
        "inbox_id": world.inbox["id"],
        "conversation_id": c.id,
        "message_type": m.kind,
        "created_at": epoch(m.micros),
        "updated_at": iso(m.updated_micros or m.micros),
        "private": m.private,
        "status": "sent",
        "source_id": m.source_id,
        "content_type": m.content_type,
        "content_attributes": m.content_attributes,
        "sender_type": kind,
        "sender_id": m.sender.id if m.sender else None,
        "external_source_ids": {},
        "additional_attributes": {},
        "processed_message_content": m.content,
        "sentiment": {},
        "conversation": {
            "assignee_id": c.assignee.id if c.assignee else None,
            "unread_count": c.unread,
            "last_activity_at": epoch(c.last_activity),
            "contact_inbox": {"source_id": c.contact.inbox_source},
        },
    }
    if m.sender is not None:
        row["sender"] = sender(m.sender)
    return row


def _author(world: World, who: Contact | Agent | Bot | None) -> Payload | None:
    if isinstance(who, Contact):
        return contact(world, who)
    if isinstance(who, Agent):
        return {"id": who.id, "name": who.name, "email": who.email, "type": "user"}
    return None if who is None else {"id": who.id, "name": who.name, "type": "agent_bot"}


def sender(who: Contact | Agent | Bot) -> Payload:
    """A person or bot as everything but a message's own `sender` shows them."""
    if isinstance(who, Contact):
        return _contact(who)
    if isinstance(who, Bot):
        return {"id": who.id, "name": who.name, "avatar_url": "", "type": "agent_bot"}
    return {
        "id": who.id,
        "name": who.name,
        "available_name": who.name.split()[0],
        "avatar_url": "",
        "type": "user",
        "availability_status": None,
        "thumbnail": "",
    }


def _contact(who: Contact) -> Payload:
    return {
        "additional_attributes": {} if who.email is None else dict(_PLACE),
        "custom_attributes": {} if who.plan is None else {"plan": who.plan},
        "email": who.email,
        "id": who.id,
        "identifier": None,
        "name": who.name,
        "phone_number": None,
        "thumbnail": "",
        "blocked": False,
        "type": "contact",
    }
