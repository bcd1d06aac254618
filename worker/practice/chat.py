"""What people do in the practice Chatwoot, and the events it announces for it, twins included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from worker.practice import payloads
from worker.practice.world import (
    INCOMING,
    OUTGOING,
    PRIORITIES,
    STATUSES,
    TEMPLATE,
    Agent,
    Bot,
    Contact,
    Conversation,
    Message,
    NoSuchRecord,
    UnknownValue,
    World,
)

Announce = Callable[[str, dict[str, Any]], None]
_UNTRACKED = {"updated_at"}


class Chat:
    """Changes the world as Chatwoot would and announces each change once it is made."""

    def __init__(self, world: World, announce: Announce) -> None:
        self._world, self._announce = world, announce

    def open(self, name: str, email: str | None, text: str, plan: str | None = None) -> Conversation:
        """A customer starts a conversation: contact_created, conversation_created and message_created."""
        with self._world.lock:
            known = len(self._world.contacts)
            who = self._world.contact(name, email, plan)
            if len(self._world.contacts) > known:
                place = {"additional_attributes": {"created_at_ip": "203.0.113.10"}}  # looked up only later
                self._announce("contact_created", {**payloads.contact(self._world, who), **place})
            now = self._world.tick()
            c = Conversation(self._world.next_id("conversation"), who, created=now, updated=now, waiting_since=now)
            self._world.conversations[c.id] = c
            message = self._append(c, text, INCOMING, who, content_attributes={"in_reply_to": None})
            c.contact_seen = c.last_activity
            self._announce("conversation_created", payloads.conversation(self._world, c))
            self._say("message_created", c, message)
            return c

    def customer(self, conversation_id: int, text: str, *, to: Message | None = None) -> Message:
        """The customer writes, perhaps in reply `to` a message: resolved and snoozed conversations open again, and
        waiting starts."""
        with self._world.lock:
            c = self._world.conversation(conversation_id)
            with self._change(c) as announced:
                attributes = {"in_reply_to": to.id, "in_reply_to_external_id": None} if to else {"in_reply_to": None}
                message = self._append(c, text, INCOMING, c.contact, content_attributes=attributes)
                c.waiting_since = c.waiting_since or c.last_activity
                if c.status in {"resolved", "snoozed"}:
                    c.status, c.snoozed_until = "open", None
                announced.append(message)
            return message

    def reply(self, conversation_id: int, who: Agent | Bot, text: str, **details: Any) -> Message:
        """An agent, a bot or a program writes: a public message ends the waiting, a private one changes nothing."""
        with self._world.lock:
            c = self._world.conversation(conversation_id)
            with self._change(c) as announced:
                message = self._append(c, text, OUTGOING, who, **details)
                if not message.private:
                    c.waiting_since = 0
                    if isinstance(who, Agent):
                        c.agent_seen = c.last_activity
                        c.first_reply = c.first_reply or c.last_activity
                announced.append(message)
            return message

    def set_status(
        self, conversation_id: int, status: str, *, until: int | None = None, bot: Bot | None = None
    ) -> None:
        """Change the status: the twins conversation_status_changed and conversation_updated."""
        if status not in STATUSES:
            raise UnknownValue(status)
        with self._world.lock, self._change(self._world.conversation(conversation_id)) as announced:
            c = announced.conversation
            c.status, c.snoozed_until = status, until if status == "snoozed" else None
            c.bot = bot if status == "pending" else None
            if status == "resolved":
                c.waiting_since = 0

    def assign(self, conversation_id: int, agent_id: int | None) -> Agent | None:
        """Assign; an id nobody has unassigns, without an error."""
        with self._world.lock, self._change(self._world.conversation(conversation_id)) as announced:
            announced.conversation.assignee = self._world.agents.get(agent_id) if agent_id is not None else None
            return announced.conversation.assignee

    def assign_team(self, conversation_id: int, team_id: int | None) -> None:
        """Set another team: an assignee who is not a member is dropped, and some teams pick one of theirs."""
        with self._world.lock, self._change(self._world.conversation(conversation_id)) as announced:
            c = announced.conversation
            before, c.team = c.team, self._world.teams.get(team_id) if team_id is not None else None
            if c.team is None or c.team is before:
                return
            if c.assignee is not None and c.assignee.id not in c.team.members:
                c.assignee = None
            if c.assignee is None and c.team.allow_auto_assign:
                online = (self._world.agents[i] for i in c.team.members)
                c.assignee = next((a for a in online if a.availability == "online"), None)

    def set_labels(self, conversation_id: int, labels: list[str]) -> None:
        """Replace the whole list; Chatwoot announces a change of labels twice."""
        with self._world.lock, self._change(self._world.conversation(conversation_id), times=2) as announced:
            announced.conversation.labels = list(labels)

    def set_priority(self, conversation_id: int, priority: str | None) -> None:
        """Set or clear it; an unknown value is an error nobody rescues."""
        if priority is not None and priority not in PRIORITIES:
            raise UnknownValue(priority)
        with self._world.lock, self._change(self._world.conversation(conversation_id)) as announced:
            announced.conversation.priority = priority

    def set_custom_attributes(self, conversation_id: int, attributes: dict[str, Any]) -> None:
        """Replace the whole map."""
        with self._world.lock, self._change(self._world.conversation(conversation_id)) as announced:
            announced.conversation.custom_attributes = dict(attributes)

    def ask(self, conversation_id: int) -> Message:
        """Chatwoot's own survey question."""
        with self._world.lock:
            c = self._world.conversation(conversation_id)
            question = self._append(
                c,
                "Please rate the conversation",
                TEMPLATE,
                None,
                content_type="input_csat",
                content_attributes={"display_type": "emoji"},
            )
            self._touch(c)
            self._say("message_created", c, question)
            return question

    def answer(self, conversation_id: int, rating: int, feedback: str = "") -> Message:
        """The customer answers it: the rating first, the feedback after, so one or two message_updated. Neither moves
        the conversation's updated_at."""
        with self._world.lock:
            c = self._world.conversation(conversation_id)
            question = next((m for m in c.messages if m.content_type == "input_csat"), None)
            if question is None:
                raise NoSuchRecord(f"conversation {conversation_id} was never asked")
            for words in dict.fromkeys(("", feedback)):
                given = {"csat_survey_response": {"rating": rating, "feedback_message": words}}
                question.content_attributes = {"display_type": "emoji", "submitted_values": given}
                question.updated_micros = self._world.tick()
                self._say("message_updated", c, question)
            self._world.surveys.append(self._survey(c, question, rating, feedback))
            return question

    def _survey(self, c: Conversation, question: Message, rating: int, feedback: str) -> dict[str, Any]:
        return {
            "id": self._world.next_id("survey"),
            "rating": rating,
            "feedback_message": feedback,
            "account_id": self._world.account["id"],
            "message_id": question.id,
            "conversation_id": c.id,
            "created_at": payloads.epoch(question.updated_micros),
            "contact": {"id": c.contact.id, "name": c.contact.name, "email": c.contact.email},
            "assigned_agent": {"id": c.assignee.id, "name": c.assignee.name} if c.assignee else None,
        }

    def _append(
        self, c: Conversation, text: str, kind: int, who: Contact | Agent | Bot | None, **details: Any
    ) -> Message:
        now = self._world.tick()
        message = Message(self._world.next_id("message"), c.id, text, kind, now, who, **details)
        c.messages.append(message)
        c.last_activity = now
        return message

    def _touch(self, c: Conversation) -> None:
        c.updated = self._world.tick()

    @contextmanager
    def _change(self, c: Conversation, *, times: int = 1) -> Iterator[_Announced]:
        """Announce what the block changed: new messages first, then the status twin, then conversation_updated."""
        before, announced = payloads.tracked(c), _Announced(c)
        yield announced
        after = payloads.tracked(c)
        changed = {name for name in after if after[name] != before[name]} - _UNTRACKED
        if not changed and not announced:
            return
        self._touch(c)
        after["updated_at"] = payloads.iso(c.updated)
        for message in announced:
            self._say("message_created", c, message)
        if "status" in changed:
            self._tell("conversation_status_changed", c, None)
        if changed:
            names = [name for name in after if name in changed or name in _UNTRACKED]
            pairs = [{name: {"previous_value": before[name], "current_value": after[name]}} for name in names]
            for _ in range(times):
                self._tell("conversation_updated", c, pairs)

    def _say(self, event: str, c: Conversation, message: Message) -> None:
        self._announce(event, payloads.message(self._world, c, message))

    def _tell(self, event: str, c: Conversation, changes: list[dict[str, Any]] | None) -> None:
        self._announce(event, {**payloads.conversation(self._world, c), "event": event, "changed_attributes": changes})


class _Announced(list[Message]):
    """The messages a change brings, and the conversation it is about."""

    def __init__(self, conversation: Conversation) -> None:
        super().__init__()
        self.conversation = conversation


def until_micros(epoch_seconds: int | None) -> int | None:
    """The API gives snoozed_until as epoch seconds."""
    return None if epoch_seconds is None else epoch_seconds * 1_000_000
