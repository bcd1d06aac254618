"""The JSON Schemas of what the API answers: the shapes of `worker.shapes`, said once more for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.domain.effects import EffectState
from worker.domain.facts import Author
from worker.domain.priority import PRIORITIES
from worker.domain.ticket import Status

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """That, or null."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Any number of these."""
    return {"type": "array", "items": schema}


def shape(**names: Schema) -> Schema:
    """An object with all of these names and no others."""
    return {"type": "object", "properties": names, "required": list(names), "additionalProperties": False}


_PRIORITY: Schema = {"type": "string", "enum": list(PRIORITIES)}
_STATUS: Schema = {"type": "string", "enum": [status.value for status in Status]}
_CLOCK: Mapping[str, Schema] = {
    "metric": {"type": "string", "enum": ["first_response", "next_response", "resolution"]},
    "deadline_at": maybe(TIME),
    "warned_at": maybe(TIME),
    "met_at": maybe(TIME),
    "breached_at": maybe(TIME),
    "paused": FLAG,
}
_TICKET: Mapping[str, Schema] = {
    "id": WHOLE,
    "source": TEXT,
    "external_id": TEXT,
    "generation": WHOLE,
    "subject": maybe(TEXT),
    "status": _STATUS,
    "priority": {"type": ["string", "null"], "enum": [*PRIORITIES, None]},
    "score": maybe(WHOLE),
    "category": maybe(TEXT),
    "channel": maybe(TEXT),
    "requester": maybe(shape(name=TEXT, email=maybe(TEXT))),
    "organization": maybe(TEXT),
    "assignee": maybe(ref("Person")),
    "team": maybe(ref("Person")),
    "tags": listed(TEXT),
    "fields": {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}},
    "resolution": maybe(shape(ordinal=WHOLE, resolved_at=TIME, text=maybe(TEXT))),
    "escalation": shape(level=WHOLE, reason=maybe(TEXT)),
    "reopen_count": WHOLE,
    "sla": listed(ref("Clock")),
    "created_at": maybe(TIME),
    "updated_at": maybe(TIME),
    "closed_at": maybe(TIME),
}
_FIGURES: Mapping[str, Schema] = {
    "depth": WHOLE,
    "unassigned": WHOLE,
    "waiting": WHOLE,
    "oldest_at": maybe(TIME),
    "oldest_seconds": maybe(WHOLE),
    "at_risk": WHOLE,
    "breached": WHOLE,
    "by_priority": {"type": "object", "propertyNames": _PRIORITY, "additionalProperties": WHOLE},
}

SCHEMAS: Mapping[str, Schema] = {
    "Person": shape(id=maybe(TEXT), name=TEXT),
    "Clock": shape(**_CLOCK),
    "FullClock": shape(ordinal=WHOLE, policy=TEXT, started_at=TIME, target_seconds={"type": "number"}, **_CLOCK),
    "Ticket": shape(**_TICKET),
    "Tickets": shape(tickets=listed(ref("Ticket")), next=maybe(TEXT)),
    "FullTicket": shape(
        **_TICKET,
        description=TEXT,
        internal=FLAG,
        language=TEXT,
        previous=maybe(WHOLE),
        proposed_close=maybe(TEXT),
        score_reasons=listed(TEXT),
        verbs=listed(TEXT),
        history=listed(ref("Event")),
        messages=listed(ref("Message")),
        effects=listed(ref("Effect")),
        clocks=listed(ref("FullClock")),
        activities=listed(ref("Activity")),
    ),
    "Event": shape(
        id=WHOLE, name=TEXT, key=TEXT, at=TIME, recorded_at=TIME, stage=TEXT, reason=TEXT, cause=TEXT,
        policy_version=TEXT, data={"type": "object"},
    ),
    "Message": shape(
        id=TEXT, at=TIME, author={"type": "string", "enum": [author.value for author in Author]},
        by=maybe(ref("Person")), private=FLAG, text=TEXT,
    ),
    "Effect": shape(
        id=WHOLE, kind=TEXT, key=TEXT, ticket_id=WHOLE,
        state={"type": "string", "enum": [state.value for state in EffectState]}, attempts=WHOLE, next_at=TIME,
        expires_at=TIME, cause=maybe(TEXT),
    ),
    "Activity": shape(
        id=WHOLE, kind=TEXT, key=TEXT, ticket_id=WHOLE, due_at=TIME,
        state={"type": "string", "enum": ["open", "done", "cancelled"]}, assignee=maybe(ref("Person")), reason=TEXT,
        created_at=TIME, done_at=maybe(TIME), done_by=maybe(TEXT), note=maybe(TEXT),
    ),
    "Queue": shape(as_of=TIME, **_FIGURES, by_team=listed(shape(team=maybe(ref("Person")), **_FIGURES))),
    "Alive": shape(status={"const": "alive"}),
    "Problem": {
        "type": "object",
        "description": "RFC 9457: what went wrong (title), why (detail) and what to do (next); `code` is for programs.",
        "properties": {
            "type": TEXT, "code": TEXT, "status": WHOLE, "title": TEXT, "detail": TEXT, "next": TEXT,
            "errors": listed(shape(field=TEXT, reason=TEXT)),
            "ticket_status": _STATUS, "verb": TEXT, "legal": listed(_STATUS), "verbs": listed(TEXT),
            "missing": listed(TEXT),
        },
        "required": ["type", "code", "status", "title", "detail", "next"],
        "additionalProperties": False,
    },
}  # fmt: skip
