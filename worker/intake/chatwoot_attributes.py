"""What a conversation and its contact carry in Chatwoot's free-form attributes, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from worker.intake.reading import clean, one_line
from worker.language import first_of

Body = Mapping[str, Any]

MOST_NAMES = 50
LONGEST_NAME = 100
LONGEST_VALUE = 500
_LANGUAGES = ("language", "preferred_language", "locale")
_ORGANIZATIONS = ("company", "company_name", "organization", "organisation")
_TIERS = ("tier", "plan")


def language(conversation: Body, sender: Body) -> str:
    """What the contact says it speaks, else what its browser does: two letters, or nothing."""
    own = [
        free(sender, kind).get(name) for kind in ("custom_attributes", "additional_attributes") for name in _LANGUAGES
    ]
    return first_of((*own, free(conversation, "additional_attributes").get("browser_language")))


def organization(sender: Body) -> str:
    """The company a contact belongs to: Chatwoot's own field, else an attribute that is named so."""
    own = free(sender, "custom_attributes")
    given = (free(sender, "additional_attributes").get("company_name"), *(own.get(name) for name in _ORGANIZATIONS))
    return next((name for value in given if isinstance(value, str) and (name := one_line(value, limit=200))), "")


def tier(sender: Body) -> str | None:
    """The contact's own attribute."""
    own = free(sender, "custom_attributes")
    given = (own.get(name) for name in _TIERS)
    return next((one_line(value, limit=60) for value in given if value and isinstance(value, str)), None)


def attributes(conversation: Body) -> tuple[tuple[str, str], ...]:
    """The conversation's custom attributes by name, as text; without those that are empty or no plain value."""
    found: dict[str, str] = {}
    for name, value in sorted(free(conversation, "custom_attributes").items()):
        said, label = _plain(value), one_line(name[:LONGEST_VALUE], limit=LONGEST_NAME)
        if said and label:
            found.setdefault(label, said)
    return tuple(list(found.items())[:MOST_NAMES])


def free(parent: Body, name: str) -> Body:
    """A free-form object; empty when it is something else, which is no reason to lose a delivery."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)[:LONGEST_VALUE]
        case str():
            return clean(value[:LONGEST_VALUE]).strip()
    return ""
