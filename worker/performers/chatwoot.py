"""Effects on Chatwoot: each kind is one call that may be repeated, or a message that is looked for before a repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from worker.clients.chatwoot import ChatwootClient
from worker.clients.chatwoot_answers import wrote_since
from worker.config import Settings
from worker.domain.effects import CHATWOOT, EffectKind
from worker.domain.facts import TicketKey
from worker.domain.policy import Policy
from worker.domain.retry import CHATWOOT as SCHEDULE
from worker.domain.retry import Schedule
from worker.errors import PermanentError, TransientError
from worker.performers.base import Outside
from worker.performers.survey_words import survey_text
from worker.store.aliases import aliases_of
from worker.store.effects import ClaimedEffect
from worker.store.ticket_reads import has_message
from worker.store.ticket_rows import StoredTicket

Call = Callable[[ChatwootClient, str, Mapping[str, Any]], Any]

_WRITTEN = frozenset({EffectKind.PRIVATE_NOTE, EffectKind.REPLY, EffectKind.SURVEY, EffectKind.CLOSING_NOTICE})


def _set_status(client: ChatwootClient, conversation: str, payload: Mapping[str, Any]) -> None:
    until = payload.get("snoozed_until")
    at = None if until is None else datetime.fromtimestamp(until, UTC)
    client.set_status(conversation, payload["status"], snoozed_until=at)


CALLS: Mapping[EffectKind, Call] = {
    EffectKind.ASSIGN_TEAM: lambda client, where, payload: client.assign_team(where, payload["team_id"]),
    EffectKind.ASSIGN_AGENT: lambda client, where, payload: client.assign_agent(where, payload["agent_id"]),
    EffectKind.SET_STATUS: _set_status,
    EffectKind.SET_PRIORITY: lambda client, where, payload: client.set_priority(where, payload["priority"]),
    EffectKind.ADD_LABELS: lambda client, where, payload: client.add_labels(where, payload["labels"]),
    EffectKind.SET_ATTRIBUTES: lambda client, where, payload: client.set_attributes(where, payload["attributes"]),
}
"""Kinds that set something: saying it twice is saying it once."""


class ChatwootPerformer:
    """Performs on the conversation that the ticket came from."""

    schedule: Schedule = SCHEDULE

    def __init__(self, outside: Outside) -> None:
        self._settings, self._client_of = outside.settings, outside.chatwoot
        self._csat, self._db = outside.policy.csat, outside.db

    def dependency(self, claimed: ClaimedEffect) -> str:
        """One breaker for all of Chatwoot."""
        return CHATWOOT

    def named(self, claimed: ClaimedEffect) -> str:
        """Its own name."""
        return "Chatwoot"

    def has_target(self, claimed: ClaimedEffect, ticket: StoredTicket) -> bool:
        """Only tickets that came from Chatwoot, if by a second door, have a conversation there."""
        return self.conversation_of(ticket) is not None and self._client_of() is not None

    def perform(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any]:
        """One call; a message is looked for first when an earlier try may have written it."""
        client, conversation = self._client(), self._conversation(ticket)
        if claimed.kind is EffectKind.SET_STATUS and claimed.payload["status"] == "resolved":
            self._wait_for_what_is_on_its_way(client, conversation, ticket)
        if claimed.kind in CALLS:
            return _kept(CALLS[claimed.kind](client, conversation, claimed.payload))
        if claimed.kind not in _WRITTEN:
            raise PermanentError("unknown_kind", f"Chatwoot cannot {claimed.kind.value}")
        found = self.look_for(claimed, ticket) if claimed.maybe_done else None
        return self._write(client, claimed, conversation) if found is None else found

    def look_for(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any] | None:
        """The message with this effect's marker. What sets something leaves nothing to look for."""
        if claimed.kind not in _WRITTEN:
            return None
        client, marker = self._client(), marker_of(claimed)
        is_there = client.find_marker(self._conversation(ticket), marker, since=claimed.first_tried_at)
        return {"found": marker} if is_there else None

    def check_access(self, claimed: ClaimedEffect) -> None:
        """Address, account and token together."""
        self._client().ping()

    def _write(self, client: ChatwootClient, claimed: ClaimedEffect, conversation: str) -> dict[str, Any]:
        is_survey = claimed.kind is EffectKind.SURVEY
        text = survey_text(claimed, self._settings, self._csat) if is_survey else claimed.payload["text"]
        is_private = claimed.kind is EffectKind.PRIVATE_NOTE
        return _kept(client.create_message(conversation, text, private=is_private, marker=marker_of(claimed)))

    def _wait_for_what_is_on_its_way(self, client: ChatwootClient, conversation: str, ticket: StoredTicket) -> None:
        """Nothing is resolved under a customer who has just written: once heard of, it may not be wanted any more.

        Raises TransientError("unheard").
        """
        known_at = ticket.ticket.registers_at if ticket.ticket is not None else None
        if known_at is None:
            return
        shown = client.conversation(conversation)
        if wrote_since(shown, known_at, is_heard=partial(has_message, self._db, ticket.id)):
            raise TransientError("unheard", "the customer has written something that is not known here yet")

    def _client(self) -> ChatwootClient:
        client = self._client_of()
        if client is None:
            raise PermanentError("no_target", "no Chatwoot is configured")
        return client

    def _conversation(self, ticket: StoredTicket) -> str:
        conversation = self.conversation_of(ticket)
        if conversation is None:
            raise PermanentError("no_target", "the ticket has no conversation in Chatwoot")
        return conversation

    def conversation_of(self, ticket: StoredTicket) -> str | None:
        """By the ticket's own key, else by one under which the same request came too."""
        if ticket.key.source == CHATWOOT:
            return conversation_of(ticket.key)
        found = (conversation_of(key) for key in aliases_of(self._db, ticket.id))
        return next((one for one in found if one is not None), None)


def is_configured(_payload: Mapping[str, Any], settings: Settings, _policy: Policy) -> bool:
    """Whether these settings name a Chatwoot and a token for it."""
    return settings.chatwoot_url is not None and settings.chatwoot_token is not None


def conversation_of(key: TicketKey) -> str | None:
    """The conversation's number in Chatwoot, from `<account>/<conversation>`; None for what is from elsewhere."""
    if key.source != CHATWOOT:
        return None
    _, _, conversation = key.external_id.partition("/")
    return conversation if conversation.isdigit() else None


def marker_of(claimed: ClaimedEffect) -> str:
    """What tells our messages apart: `r4` is a person's reply sent through us, `e4` everything that we say."""
    return f"{'r' if claimed.kind is EffectKind.REPLY else 'e'}{claimed.id}"


def _kept(said: Any) -> dict[str, Any]:
    """What is kept of an answer: the id of what was made or set."""
    return {"id": said["id"]} if isinstance(said, Mapping) and "id" in said else {}
