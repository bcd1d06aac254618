"""Canned texts of ours, by name, with what is filled in; and the identity of a template that a person may approve."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from worker.domain.effects import CUSTOMER_FACING, EffectKind
from worker.domain.ticket import Ticket
from worker.errors import NotFound

PLACEHOLDERS: Mapping[str, str] = {
    "requester": "the customer's name",
    "first_name": "the first word of it",
    "subject": "what it is about",
    "ticket": "our number of it, such as t9",
    "agent": "who has it",
    "team": "the team that has it",
    "organization": "the customer's organisation",
    "priority": "how pressing it is",
    "category": "what kind of request it is",
    "actor": "who sends the text",
}
"""What a template may name in braces, and what stands there then."""

_NAMED = re.compile(r"\{([a-z_]+)\}")


def unknown_in(text: str, known: Collection[str] = PLACEHOLDERS) -> tuple[str, ...]:
    """The placeholders of a text that nothing fills in, where these are filled in."""
    return tuple(name for name in _NAMED.findall(text) if name not in known)


def filled(
    templates: Iterable[tuple[str, str]], name: str, ticket: Ticket, *, number: int | None = None, actor: str = ""
) -> str:
    """The text of this name for this ticket; `number` is our id of it. Raises NotFound, with the names there are."""
    known = dict(templates)
    if name not in known:
        names = ", ".join(sorted(known)) or "none; add them to [templates] in hookdesk.toml"
        raise NotFound(f"There is no template {name!r}. Known: {names}.")
    return fill(known[name], values_of(ticket, number=number, actor=actor))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with these values in place of their names in braces; other braces stay as they are."""
    return _NAMED.sub(lambda found: values.get(found[1], found[0]), text)


def values_of(ticket: Ticket, *, number: int | None = None, actor: str = "") -> dict[str, str]:
    """What each placeholder stands for; nothing where the ticket does not know."""
    name = ticket.requester.name if ticket.requester is not None else ""
    return {
        "requester": name,
        "first_name": name.partition(" ")[0],
        "subject": ticket.subject,
        "ticket": f"t{number}" if number is not None else "",
        "agent": ticket.assignee.name if ticket.assignee is not None else "",
        "team": ticket.team.name if ticket.team is not None else "",
        "organization": ticket.organization,
        "priority": ticket.priority,
        "category": ticket.category,
        "actor": actor,
    }


def template_of(kind: EffectKind, payload: Mapping[str, Any]) -> str | None:
    """The text of an effect before anything was filled in; None for what no template made."""
    text = payload.get("template") or (payload.get("text") if kind in CUSTOMER_FACING else None)
    return str(text) if text else None


def digest(kind: EffectKind, text: str) -> str:
    """What a template is approved under: another kind or another word is another template."""
    return hashlib.sha256(f"{kind.value}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
