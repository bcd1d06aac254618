"""Reading Chatwoot's answers, and checking what is about to be sent: every surprise becomes one of our errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from worker.clock import to_micros
from worker.errors import PermanentError, TransientError

MARKER = "hookdesk"
"""The key in a message's content_attributes that says which effect wrote it. Never source_id: Chatwoot's senders take
a message that has one for already sent, and the customer would not get it."""

INCOMING = 0  # the API's number for what a customer writes


def number(value: str | int) -> int:
    """Ids go into paths: digits or nothing."""
    try:
        return int(value)
    except ValueError as exc:
        raise PermanentError("bad_id", f"expected a number, got {value!r}") from exc


def one_of(value: str, known: frozenset[str], what: str) -> str:
    """Chatwoot answers 500 to an unknown enum value, which would look like an outage."""
    if value not in known:
        raise PermanentError("bad_value", f"{what} {value!r} is not one of {', '.join(sorted(known))}")
    return value


def rows_of(said: Any) -> list[Mapping[str, Any]]:
    """A list of objects; anything else is a bad answer."""
    if not isinstance(said, list) or not all(isinstance(row, dict) for row in said):
        raise TransientError("bad_answer", f"expected a list of objects, got {type(said).__name__}")
    return said


def object_of(said: Any) -> Mapping[str, Any]:
    """An object; anything else is a bad answer."""
    if not isinstance(said, dict):
        raise TransientError("bad_answer", f"expected an object, got {type(said).__name__}")
    return said


def same(said: Any, wanted: str | int | None, cause: str) -> Mapping[str, Any]:
    """The answer, if it has the id that was asked for, or is null where that was; raises PermanentError(cause)."""
    if wanted is None and said is None:
        return {}
    if wanted is not None and isinstance(said, dict) and said.get("id") == number(wanted):
        return said
    raise PermanentError(cause, f"asked for {wanted}, got {said.get('id') if isinstance(said, dict) else said!r}")


def refuse_missing(missing: Sequence[str], cause: str, what: str) -> None:
    """Raises PermanentError for what an answer does not show, though it was written and the call went well."""
    if missing:
        raise PermanentError(cause, f"Chatwoot did not take the {what} {', '.join(missing)}")


def is_marked(row: Mapping[str, Any], marker: str) -> bool:
    """Whether this message carries the marker."""
    attributes = row.get("content_attributes")
    return isinstance(attributes, dict) and attributes.get(MARKER) == marker


def written_at(row: Mapping[str, Any]) -> float:
    """When this message was written; without a time it is taken for new, so that the search goes on."""
    at = row.get("created_at")
    return float(at) if isinstance(at, (int, float)) else float("inf")


def wrote_since(conversation: Mapping[str, Any], known_at: datetime, *, is_heard: Callable[[str], bool]) -> bool:
    """Whether the customer has written something that was not heard of, where the newest known state is of `known_at`.

    Only Chatwoot's own times are compared, which are whole seconds for messages here. `is_heard` knows messages by id;
    of one that a note or a reply hides, only `waiting_since` tells. False where there is nothing to tell it by.
    """
    last = conversation.get("last_non_activity_message")
    if isinstance(last, dict) and last.get("message_type") == INCOMING:
        at = last.get("created_at")
        return isinstance(at, (int, float)) and at >= int(known_at.timestamp()) and not is_heard(str(last.get("id")))
    updated_at, since = conversation.get("updated_at"), conversation.get("waiting_since")
    if not isinstance(updated_at, (int, float)) or not isinstance(since, (int, float)):
        return False
    return round(updated_at * 1_000_000) > to_micros(known_at) and since > known_at.timestamp()
