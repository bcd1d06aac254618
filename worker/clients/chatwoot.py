"""What Hookdesk asks of Chatwoot, with the traps of its API (as of 4.15.1) kept in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from worker import __version__
from worker.clients.chatwoot_answers import (
    MARKER,
    is_marked,
    number,
    object_of,
    one_of,
    refuse_missing,
    rows_of,
    same,
    written_at,
)
from worker.clients.deadline import ending_at
from worker.clients.exchange import TOTAL_SECONDS, Answer, Exchange, open_session
from worker.clients.rate import Rate
from worker.clock import Clock
from worker.errors import TransientError

STATUSES = frozenset({"open", "resolved", "pending", "snoozed"})
PRIORITIES = frozenset({"low", "medium", "high", "urgent"})
SKEW_SECONDS = 600.0
"""How far Chatwoot's clock may be behind ours before a marker could be missed."""


class ChatwootClient:
    """Calls of one account. Every call ends within 20 s and raises only worker.errors.

    The token belongs to an administrator: an agent's sees only its own inboxes, and a bot's may not read messages,
    which would leave a repeated message unnoticed.
    """

    def __init__(
        self,
        base_url: str,
        account_id: int,
        token: str,
        *,
        session: requests.Session | None = None,
        rate: Rate | None = None,
        clock: Clock | None = None,
        total_seconds: float = TOTAL_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"api_access_token": token, "Accept": "application/json", "User-Agent": f"Hookdesk/{__version__}"}
        self._session = session or open_session({})
        self._session.headers.update(headers)
        self._total = total_seconds
        self._exchange = Exchange(
            base_url,
            self._session,
            dependency="chatwoot",
            rate=rate,
            clock=clock,
            total_seconds=total_seconds,
            sleep=sleep,
        )
        self._account = f"/api/v1/accounts/{account_id}"

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def ping(self) -> None:
        """Raise unless address, account and token work together: the call that `hookdesk doctor` makes."""
        self.agents()

    def version(self) -> str | None:
        """The server's version, which it tells without a token."""
        said = self._exchange.call("GET", "/api").json()
        return str(said["version"]) if isinstance(said, dict) and "version" in said else None

    def agents(self) -> list[Mapping[str, Any]]:
        """Everybody who works in the account, with role and availability_status (online, busy, offline)."""
        return rows_of(self._get("/agents"))

    def teams(self) -> list[Mapping[str, Any]]:
        """The teams of the account."""
        return rows_of(self._get("/teams"))

    def team_members(self, team_id: str | int) -> list[Mapping[str, Any]]:
        """The agents of one team."""
        return rows_of(self._get(f"/teams/{number(team_id)}/team_members"))

    def conversation(self, conversation_id: str | int) -> Mapping[str, Any]:
        """One conversation as REST shows it (first_reply_created_at is an epoch or 0 here)."""
        return object_of(self._get(f"/conversations/{number(conversation_id)}"))

    def updated_within(self, seconds: int) -> list[Mapping[str, Any]]:
        """All conversations changed in the last `seconds`. Misses survey answers: they do not move updated_at."""
        said = object_of(self._get("/conversations", status="all", updated_within=int(seconds)))
        return rows_of(object_of(said.get("data")).get("payload"))

    def survey_responses(self, *, since: datetime, page: int = 1) -> list[Mapping[str, Any]]:
        """Answers to Chatwoot's own survey, newest first, 25 a page."""
        at = int(since.timestamp())
        return rows_of(self._get("/csat_survey_responses", since=at, page=page, sort="-created_at"))

    def assign_agent(self, conversation_id: str | int, agent_id: str | int | None) -> Mapping[str, Any]:
        """Assign an agent, or nobody; raises PermanentError("unknown_agent"): Chatwoot answers 200 and *unassigns* for
        an id it does not know."""
        wanted = None if agent_id is None else number(agent_id)
        said = self._post(f"/conversations/{number(conversation_id)}/assignments", {"assignee_id": wanted})
        return same(said.json(), wanted, "unknown_agent")

    def assign_team(self, conversation_id: str | int, team_id: str | int) -> Mapping[str, Any]:
        """Assign a team; a call of its own, because team_id is ignored beside an assignee_id. It drops an assignee
        who is not a member. Raises PermanentError("unknown_team")."""
        said = self._post(f"/conversations/{number(conversation_id)}/assignments", {"team_id": number(team_id)})
        return same(said.json(), team_id, "unknown_team")

    def create_message(self, conversation_id: str | int, text: str, *, private: bool, marker: str) -> Mapping[str, Any]:
        """Write a note (private) or to the customer. Not idempotent: look for the marker before repeating it."""
        body = {
            "content": text,
            "message_type": "outgoing",
            "private": private,
            "content_attributes": {MARKER: marker},
        }
        return object_of(self._post(f"/conversations/{number(conversation_id)}/messages", body).json())

    def find_marker(self, conversation_id: str | int, marker: str, *, since: datetime | None = None) -> bool:
        """Whether a message with this marker exists, among those written after `since` (None: all)."""
        oldest = since.timestamp() - SKEW_SECONDS if since is not None else None
        with ending_at(time.monotonic() + self._total):
            return any(is_marked(row, marker) for row in self._messages(conversation_id, oldest))

    def set_status(self, conversation_id: str | int, status: str, *, snoozed_until: datetime | None = None) -> None:
        """Set the status; always names one, because without it Chatwoot toggles.

        An agent's token that opens a conversation has its agent assigned: that is undone.
        """
        body: dict[str, Any] = {"status": one_of(status, STATUSES, "status")}
        if snoozed_until is not None:
            body["snoozed_until"] = int(snoozed_until.timestamp())
        holder = self._assignee(conversation_id) if status == "open" else None
        said = object_of(self._post(f"/conversations/{number(conversation_id)}/toggle_status", body).json())
        current = object_of(said.get("payload")).get("current_status")
        if current != status:
            raise TransientError("bad_answer", f"asked for the status {status}, got {current!r}")
        if status == "open":
            self._leave_to(holder, conversation_id)

    def set_priority(self, conversation_id: str | int, priority: str | None) -> None:
        """Set or clear the priority. The answer is empty; a proxy's page in its place is none."""
        wanted = None if priority is None else one_of(priority, PRIORITIES, "priority")
        self._post(f"/conversations/{number(conversation_id)}/toggle_priority", {"priority": wanted}).json()

    def labels(self, conversation_id: str | int) -> tuple[str, ...]:
        """The labels of a conversation."""
        said = object_of(self._get(f"/conversations/{number(conversation_id)}/labels"))
        return tuple(str(label) for label in said.get("payload") or ())

    def add_labels(self, conversation_id: str | int, labels: Sequence[str]) -> None:
        """Add to the labels: read, merged, written, because writing replaces the whole list. Writes nothing when all
        are there. Raises PermanentError("label_refused") for one that Chatwoot did not take."""
        held = self.labels(conversation_id)
        known = {label.casefold() for label in held}
        new = [label for label in dict.fromkeys(labels) if label.casefold() not in known]
        if new:
            body = {"labels": [*held, *new]}
            said = object_of(self._post(f"/conversations/{number(conversation_id)}/labels", body).json())
            taken = {str(label).casefold() for label in said.get("payload") or ()}
            refuse_missing([label for label in new if label.casefold() not in taken], "label_refused", "labels")

    def set_attributes(self, conversation_id: str | int, attributes: Mapping[str, str]) -> None:
        """Set these custom attributes and keep the others: read, merged, written, because writing replaces the whole
        map. Writes nothing when all are as wanted."""
        held = object_of(self.conversation(conversation_id).get("custom_attributes") or {})
        if all(held.get(name) == value for name, value in attributes.items()):
            return
        body = {"custom_attributes": {**held, **attributes}}
        said = object_of(self._post(f"/conversations/{number(conversation_id)}/custom_attributes", body).json())
        taken = object_of(said.get("custom_attributes") or {})
        missing = [name for name, value in attributes.items() if taken.get(name) != value]
        refuse_missing(missing, "attribute_refused", "custom attributes")

    def _assignee(self, conversation_id: str | int) -> int | None:
        meta = object_of(self.conversation(conversation_id).get("meta") or {})
        return _id_of(meta.get("assignee"))

    def _leave_to(self, holder: int | None, conversation_id: str | int) -> None:
        """Give the conversation back to who had it, if opening it assigned it to ourselves."""
        now = self._assignee(conversation_id)
        if now is None or now == holder:
            return
        me = _id_of(self._exchange.call("GET", "/api/v1/profile").json())
        if now == me:
            self._post(f"/conversations/{number(conversation_id)}/assignments", {"assignee_id": holder})

    def _messages(self, conversation_id: str | int, oldest: float | None) -> Iterator[Mapping[str, Any]]:
        """Newest pages first, 20 a page, back to `oldest`."""
        before: dict[str, Any] = {}
        while True:
            path = f"/conversations/{number(conversation_id)}/messages"
            rows = rows_of(object_of(self._get(path, **before)).get("payload"))
            yield from rows
            if not rows or (oldest is not None and min(written_at(row) for row in rows) < oldest):
                return
            first = min(int(row["id"]) for row in rows)
            if first == before.get("before"):
                raise TransientError("bad_answer", "the pages of messages do not go back in time")
            before = {"before": first}

    def _get(self, path: str, **params: Any) -> Any:
        return self._exchange.call("GET", self._account + path, params=params).json()

    def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._exchange.call("POST", self._account + path, body=body)


def _id_of(person: Any) -> int | None:
    return person["id"] if isinstance(person, dict) and isinstance(person.get("id"), int) else None
