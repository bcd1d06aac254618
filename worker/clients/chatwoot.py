"""What Hookdesk asks of Chatwoot, with the traps of its API (as of 4.15.1) kept in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import requests

from worker import __version__
from worker.clients.deadline import ending_at
from worker.clients.exchange import TOTAL_SECONDS, Answer, Exchange, open_session
from worker.clients.rate import Rate
from worker.clock import Clock
from worker.errors import PermanentError, TransientError

STATUSES = frozenset({"open", "resolved", "pending", "snoozed"})
PRIORITIES = frozenset({"low", "medium", "high", "urgent"})
MARKER = "hookdesk"
"""The key in a message's content_attributes that says which effect wrote it. Never source_id: Chatwoot's senders take
a message that has one for already sent, and the customer would not get it."""
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
        return _rows(self._get("/agents"))

    def teams(self) -> list[Mapping[str, Any]]:
        """The teams of the account."""
        return _rows(self._get("/teams"))

    def team_members(self, team_id: str | int) -> list[Mapping[str, Any]]:
        """The agents of one team."""
        return _rows(self._get(f"/teams/{_number(team_id)}/team_members"))

    def conversation(self, conversation_id: str | int) -> Mapping[str, Any]:
        """One conversation as REST shows it (first_reply_created_at is an epoch or 0 here)."""
        return _object(self._get(f"/conversations/{_number(conversation_id)}"))

    def updated_within(self, seconds: int) -> list[Mapping[str, Any]]:
        """All conversations changed in the last `seconds`. Misses survey answers: they do not move updated_at."""
        said = _object(self._get("/conversations", status="all", updated_within=int(seconds)))
        return _rows(_object(said.get("data")).get("payload"))

    def survey_responses(self, *, since: datetime, page: int = 1) -> list[Mapping[str, Any]]:
        """Answers to Chatwoot's own survey, newest first, 25 a page."""
        at = int(since.timestamp())
        return _rows(self._get("/csat_survey_responses", since=at, page=page, sort="-created_at"))

    def assign_agent(self, conversation_id: str | int, agent_id: str | int) -> Mapping[str, Any]:
        """Assign an agent; raises PermanentError("unknown_agent"): Chatwoot answers 200 and *unassigns* for an id it
        does not know."""
        said = self._post(f"/conversations/{_number(conversation_id)}/assignments", {"assignee_id": _number(agent_id)})
        return _same(said.json(), agent_id, "unknown_agent")

    def assign_team(self, conversation_id: str | int, team_id: str | int) -> Mapping[str, Any]:
        """Assign a team; a call of its own, because team_id is ignored beside an assignee_id. It drops an assignee
        who is not a member. Raises PermanentError("unknown_team")."""
        said = self._post(f"/conversations/{_number(conversation_id)}/assignments", {"team_id": _number(team_id)})
        return _same(said.json(), team_id, "unknown_team")

    def create_message(self, conversation_id: str | int, text: str, *, private: bool, marker: str) -> Mapping[str, Any]:
        """Write a note (private) or to the customer. Not idempotent: look for the marker before repeating it."""
        body = {
            "content": text,
            "message_type": "outgoing",
            "private": private,
            "content_attributes": {MARKER: marker},
        }
        return _object(self._post(f"/conversations/{_number(conversation_id)}/messages", body).json())

    def find_marker(self, conversation_id: str | int, marker: str, *, since: datetime | None = None) -> bool:
        """Whether a message with this marker exists, among those written after `since` (None: all)."""
        oldest = since.timestamp() - SKEW_SECONDS if since is not None else None
        with ending_at(time.monotonic() + self._total):
            return any(_marked(row, marker) for row in self._messages(conversation_id, oldest))

    def set_status(self, conversation_id: str | int, status: str, *, snoozed_until: datetime | None = None) -> None:
        """Set the status; always names one, because without it Chatwoot toggles."""
        body: dict[str, Any] = {"status": _one_of(status, STATUSES, "status")}
        if snoozed_until is not None:
            body["snoozed_until"] = int(snoozed_until.timestamp())
        self._post(f"/conversations/{_number(conversation_id)}/toggle_status", body)

    def set_priority(self, conversation_id: str | int, priority: str | None) -> None:
        """Set or clear the priority."""
        wanted = None if priority is None else _one_of(priority, PRIORITIES, "priority")
        self._post(f"/conversations/{_number(conversation_id)}/toggle_priority", {"priority": wanted})

    def _messages(self, conversation_id: str | int, oldest: float | None) -> Iterator[Mapping[str, Any]]:
        """Newest pages first, 20 a page, back to `oldest`."""
        before: dict[str, Any] = {}
        while True:
            path = f"/conversations/{_number(conversation_id)}/messages"
            rows = _rows(_object(self._get(path, **before)).get("payload"))
            yield from rows
            if not rows or (oldest is not None and min(_written_at(row) for row in rows) < oldest):
                return
            first = min(int(row["id"]) for row in rows)
            if first == before.get("before"):
                raise TransientError("bad_answer", "the pages of messages do not go back in time")
            before = {"before": first}

    def _get(self, path: str, **params: Any) -> Any:
        return self._exchange.call("GET", self._account + path, params=params).json()

    def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self._exchange.call("POST", self._account + path, body=body)


def _number(value: str | int) -> int:
    """Ids go into paths: digits or nothing."""
    try:
        return int(value)
    except ValueError as exc:
        raise PermanentError("bad_id", f"expected a number, got {value!r}") from exc


def _one_of(value: str, known: frozenset[str], what: str) -> str:
    """Chatwoot answers 500 to an unknown enum value, which would look like an outage."""
    if value not in known:
        raise PermanentError("bad_value", f"{what} {value!r} is not one of {', '.join(sorted(known))}")
    return value


def _rows(said: Any) -> list[Mapping[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise TransientError("bad_answer", f"expected a list of objects, got {type(said).__name__}")
    return said


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise TransientError("bad_answer", f"expected an object, got {type(said).__name__}")
    return said


def _same(said: Any, wanted: str | int, cause: str) -> Mapping[str, Any]:
    if isinstance(said, dict) and said.get("id") == _number(wanted):
        return said
    raise PermanentError(cause, f"asked for {wanted}, got {said.get('id') if isinstance(said, dict) else said!r}")


def _marked(row: Mapping[str, Any], marker: str) -> bool:
    attributes = row.get("content_attributes")
    return isinstance(attributes, dict) and attributes.get(MARKER) == marker


def _written_at(row: Mapping[str, Any]) -> float:
    at = row.get("created_at")
    return float(at) if isinstance(at, (int, float)) else float("inf")
