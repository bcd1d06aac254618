"""[closing], [[fields]] and the checks of categories in the policy file: what must be there before a ticket closes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from worker.domain.done import CHECKS, PARAMETRISED, check_of
from worker.domain.policy import ClosingPolicy, FieldRule
from worker.domain.templates import unknown_in
from worker.toml_table import Table, duration, flag, list_of_words, one_of, some_of, words

PLACES = ("attribute", "note", "reply")
KINDS = ("text", "whole", "date", "flag", "one_of")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}")


def closing(table: Table) -> ClosingPolicy:
    """[closing]; the notice must have time to be read before the quiet time is over."""
    usual = ClosingPolicy()
    read = ClosingPolicy(
        enabled=table.read("enabled", usual.enabled, flag),
        confirm_words=table.read("confirm_words", usual.confirm_words, list_of_words),
        polite_words=table.read("polite_words", usual.polite_words, list_of_words),
        wait=table.read("wait", usual.wait, duration),
        quiet=table.read("quiet", usual.quiet, duration),
        notice=table.read("notice", usual.notice, duration),
        message=table.read("message", usual.message, _message),
        resolution_from=table.read("resolution_from", usual.resolution_from, some_of(PLACES)),
        resolution_attribute=table.read("resolution_attribute", usual.resolution_attribute, words),
        resolution_prefix=table.read("resolution_prefix", usual.resolution_prefix, words),
        health_check=table.read("health_check", usual.health_check, duration),
    )
    if read.notice > read.quiet:
        table.wrong("notice", "the notice would go out before the ticket is resolved", "Make quiet longer than notice.")
    table.finish()
    return read


def fields(tables: Sequence[Table]) -> tuple[FieldRule, ...]:
    """[[fields]], in the order of the file."""
    return tuple(_field(table) for table in tables)


def checks(fields: Sequence[str]) -> Callable[[Any], tuple[str, ...]]:
    """A list of checks by name, each of which exists; `field:` may name these fields."""

    def convert(value: Any) -> tuple[str, ...]:
        names = list_of_words(value, example='["replied"]')
        for name in names:
            kind, _, argument = name.partition(":")
            if check_of(name) is None:
                known = ", ".join((*CHECKS, *(f"{each}:…" for each in PARAMETRISED)))
                raise ValueError(f"There is no check {name!r}. Known: {known}.")
            if kind == "field" and argument not in fields:
                raise ValueError(f"There is no field {argument!r}. Add it under [[fields]].")
        return names

    return convert


def _field(table: Table) -> FieldRule:
    rule = FieldRule(
        name=table.read("name", "", _name),
        kind=table.read("kind", "text", one_of(KINDS)),
        attribute=table.read("attribute", "", words),
        values=table.read("values", (), list_of_words),
    )
    if "name" not in table.values:
        table.wrong("name", "name is missing", 'Add name = "order_number", or the like.')
    if (rule.kind == "one_of") != bool(rule.values):
        table.wrong(
            "values", "values and the kind one_of belong together", 'Add both, or neither: values = ["a", "b"].'
        )
    table.finish()
    return rule


def _name(value: Any) -> str:
    name = words(value)
    if _FIELD.fullmatch(name) is None:
        raise ValueError("Use small letters, digits and _, for example order_number.")
    return name


def _message(value: Any) -> str:
    text = words(value)
    if strange := unknown_in(text, ("date",)):
        raise ValueError(f"Nothing fills in {{{strange[0]}}}. Known here: {{date}}.")
    return text
