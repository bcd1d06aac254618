"""Typed fields of a ticket: read from the source's custom attributes and from our own doors, checked by the policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from worker.domain.policy import FieldRule
from worker.domain.story import Story

Value = str | int | bool
"""What a field holds: text (also a date, as ISO 8601, and one of several words), a whole number, or a flag."""

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def fields_of(story: Story, rules: tuple[FieldRule, ...]) -> tuple[tuple[str, Value], ...]:
    """The latest value of each field that is of its kind, in the order of the rules; others are left out."""
    return tuple((rule.name, value) for rule in rules if (value := _value(story, rule)) is not None)


def read(rule: FieldRule, text: str) -> Value | None:
    """The value as it is stored, or None when the text is not of the field's kind."""
    value = " ".join(text.split())
    match rule.kind:
        case "whole":
            return int(value) if value.lstrip("+-").isdecimal() and len(value) < 20 else None
        case "date":
            try:
                return date.fromisoformat(value[:10]).isoformat()
            except ValueError:
                return None
        case "flag":
            return _FLAGS.get(value.casefold())
        case "one_of":
            return next((known for known in rule.values if known.casefold() == value.casefold()), None)
    return value[:200] or None


def written(value: Value) -> str:
    """The value as text that `read` reads back."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(story: Story, rule: FieldRule) -> Value | None:
    return next((value for text in _said(story, rule) if (value := read(rule, text)) is not None), None)


def _said(story: Story, rule: FieldRule) -> Iterator[str]:
    """What our own doors said, newest first, then what the source shows."""
    for act in reversed(story.acts):
        yield from (text for name, text in act.fields if name == rule.name)
    attribute = rule.attribute or rule.name
    if story.last is not None:
        yield from (text for name, text in story.last.attributes if name == attribute)
