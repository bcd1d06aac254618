"""What callers may send: strict JSON into typed values, with every mistake at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from worker.api.problems import Problem
from worker.domain.facts import Person, Verb
from worker.errors import Invalid
from worker.instruction import LONGEST, MOST_FIELDS, MOST_TAGS, Instruction

Text = Annotated[str, Meta(max_length=LONGEST["text"])]
Reason = Annotated[str, Meta(max_length=LONGEST["reason"], description="Why; it is kept in the history.")]
Subject = Annotated[str, Meta(max_length=LONGEST["subject"])]
Agent = Annotated[str, Meta(max_length=LONGEST["agent"], description="An agent's id, e-mail address or name.")]
Team = Annotated[str, Meta(max_length=LONGEST["team"], description="A team's id or name.")]
Category = Annotated[str, Meta(max_length=LONGEST["category"], description="One of the policy's closed list.")]
Priority = Annotated[
    str, Meta(max_length=LONGEST["priority"], description="low, medium, high or urgent; also normal and critical.")
]
Channel = Annotated[str, Meta(max_length=LONGEST["channel"], description="Where the request came in, e.g. crm.")]
Tags = Annotated[list[Annotated[str, Meta(max_length=LONGEST["tag"])]], Meta(max_length=MOST_TAGS)]
Fields = Annotated[
    dict[str, Annotated[str, Meta(max_length=LONGEST["field"])] | int | bool],
    Meta(max_length=MOST_FIELDS, description="Typed fields of the policy, by name."),
]
Actor = Annotated[str, Meta(max_length=80, description="The person behind the call; told beside the token's name.")]
Automatic = Annotated[
    bool, Meta(description="True when a rule or an AI acts: it may propose to close, but a person closes.")
]


class Requester(Struct, forbid_unknown_fields=True):
    """Who asks: a name, an e-mail address or both."""

    name: Annotated[str, Meta(max_length=LONGEST["name"])] = ""
    email: Annotated[str, Meta(max_length=LONGEST["email"])] = ""


class Said(Struct, forbid_unknown_fields=True, kw_only=True):
    """What every verb takes."""

    actor: Actor = ""
    automatic: Automatic = False
    reason: Reason = ""


class Create(Said):
    """A new ticket: who asks, and what for."""

    requester: Requester
    subject: Subject = ""
    description: Text = ""
    category: Category = ""
    priority: Priority = ""
    channel: Channel = ""
    internal: bool = False
    tags: Tags = []
    fields: Fields = {}


class Triage(Said):
    """What to set or amend; what is left out stays."""

    subject: Subject = ""
    category: Category = ""
    priority: Priority = ""
    internal: bool | UnsetType = UNSET
    tags: Tags = []
    fields: Fields = {}


class Assign(Said):
    """To whom: an agent, or a team alone, which takes the ticket off its agent into the team's queue."""

    agent: Agent = ""
    team: Team = ""


class Escalate(Said):
    """To a senior, for a reason; without agent and team the policy finds one."""

    agent: Agent = ""
    team: Team = ""
    priority: Priority = ""


class Reply(Said):
    """A public reply to the customer."""

    text: Text = ""


class Resolve(Said):
    """It is solved; `resolution` says what was done, and closing needs it."""

    resolution: Text = ""


class Close(Said):
    """It is over. What the definition of done asks for may still be given."""

    resolution: Text = ""
    category: Category = ""
    fields: Fields = {}


class Reopen(Said):
    """It is not solved after all."""


Body = TypeVar("Body", bound=Said)
_DOCUMENT = msgspec.json.Decoder()


def read(raw: bytes, kind: type[Body]) -> Body:
    """The typed body; nothing at all is an empty object. Raises Problem for what is no JSON, Invalid for the rest."""
    document = _object(raw)
    wrong = dict.fromkeys(
        document.keys() - {one.encode_name for one in msgspec.structs.fields(kind)}, "is not known here"
    )
    for one in msgspec.structs.fields(kind):
        if one.encode_name not in document:
            if one.required:
                wrong[one.encode_name] = "is missing"
            continue
        try:
            msgspec.convert(document[one.encode_name], one.type)
        except msgspec.ValidationError as exc:
            wrong |= _mistake(one.encode_name, str(exc))
    if wrong:
        raise Invalid(dict(sorted(wrong.items())))
    return msgspec.convert(document, kind)


def instruction(body: Said, verb: Verb, *, caller: str, key: str) -> Instruction:
    """What the body asks for."""
    said = {name: value for name in body.__struct_fields__ if (value := getattr(body, name)) is not UNSET}
    who: Requester | None = said.pop("requester", None)
    said["text"] = said.pop("description", "") or said.pop("resolution", "") or said.get("text", "")
    said.pop("resolution", None)
    said["tags"] = tuple(said.get("tags", ()))
    said["fields"] = tuple((name, _as_text(value)) for name, value in sorted(said.get("fields", {}).items()))
    said["actor"] = f"{said['actor']} ({caller})" if said["actor"] else caller
    requester = None if who is None else Person(None, who.name, who.email or None)
    return Instruction(verb=verb, key=key, requester=requester, **said)


def _object(raw: bytes) -> dict[str, Any]:
    """One JSON object with each name once. msgspec is strict about the bytes, but keeps the last of two equal names."""
    if not raw.strip():
        return {}
    try:
        document = _DOCUMENT.decode(raw)
        json.loads(raw, object_pairs_hook=_once)
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise Problem("invalid_json", f"it cannot be read: {exc}"[:300]) from exc
    if not isinstance(document, dict):
        raise Problem("invalid_json", f"it is {type(document).__name__}, not an object")
    return document


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:60]!r} is there twice")
        found[name] = value
    return found


def _mistake(field: str, said: str) -> dict[str, str]:
    """msgspec's sentence, with the path it names made part of the field: `requester.email`."""
    why, _, place = said.partition(" - at `$")
    return {f"{field}{place.rstrip('`')}"[:200]: why[:1].lower() + why[1:]}


def _as_text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
