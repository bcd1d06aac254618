"""What the practice Chatwoot answers over its API, which differs from its webhooks in places."""

from __future__ import annotations

from worker.practice import payloads
from worker.practice.world import Agent, Conversation, Message, World


def rest_conversation(world: World, c: Conversation) -> payloads.Payload:
    """The Conversation of the API: the webhook's, with more, and with the first reply as an epoch."""
    shown = c.shown
    return {
        **payloads.conversation(world, c),
        "uuid": c.uuid,
        "account_id": world.account["id"],
        "muted": False,
        "assignee_last_seen_at": 0,
        "first_reply_created_at": payloads.epoch(c.first_reply or 0),
        "last_non_activity_message": None if shown is None else rest_message(world, shown),
        "sla_policy_id": None,
    }


def rest_message(world: World, m: Message) -> payloads.Payload:
    """The Message of the API: its type is a number, its time an epoch."""
    row = {
        "id": m.id,
        "content": m.content,
        "inbox_id": world.inbox["id"],
        "conversation_id": m.conversation_id,
        "message_type": m.kind,
        "content_type": m.content_type,
        "status": "sent",
        "content_attributes": m.content_attributes,
        "created_at": payloads.epoch(m.micros),
        "private": m.private,
        "source_id": m.source_id,
    }
    if m.sender is not None:
        row["sender"] = payloads.sender(m.sender)
    return row


def rest_agent(world: World, agent: Agent) -> payloads.Payload:
    """An agent as the API lists them; only here is the availability real."""
    return {
        "id": agent.id,
        "account_id": world.account["id"],
        "availability_status": agent.availability,
        "auto_offline": True,
        "confirmed": True,
        "email": agent.email,
        "available_name": agent.name.split()[0],
        "name": agent.name,
        "role": agent.role,
        "thumbnail": "",
        "custom_role_id": None,
    }
