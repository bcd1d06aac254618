"""[csat] of the policy file: when a customer is asked, in which words, and what a bad answer leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.domain.policy import CsatPolicy
from worker.domain.templates import unknown_in
from worker.language import two_letters
from worker.toml_table import Table, duration, flag, whole, words


def csat(table: Table) -> CsatPolicy:
    """[csat] and [csat.messages]."""
    usual = CsatPolicy()
    csat = CsatPolicy(
        enabled=table.read("enabled", usual.enabled, flag),
        delay=table.read("delay", usual.delay, duration),
        link_valid=table.read("link_valid", usual.link_valid, duration),
        editable=table.read("editable", usual.editable, duration),
        cooldown=table.read("cooldown", usual.cooldown, duration),
        message=table.read("message", usual.message, _message),
        messages=_messages(table.table("messages")),
        low_score=table.read("low_score", usual.low_score, whole(0, 4)),
        low_score_within=table.read("low_score_within", usual.low_score_within, duration),
    )
    table.finish()
    return csat


def merged(usual: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Key by key; but a file with words of its own is not mixed with ours, which know nothing of its brand."""
    both = {**usual, **given}
    said = given.get("messages", {})
    if "message" in given:
        both["messages"] = said
    elif isinstance(said, dict):
        both["messages"] = {**usual.get("messages", {}), **said}
    return both


def _messages(table: Table) -> tuple[tuple[str, str], ...]:
    for language in table.values:
        if two_letters(language) != language:
            table.wrong(language, f"{language} is no language", 'Write two small letters, for example de = "… {link}".')
    return tuple((language, table.read(language, "", _message)) for language in sorted(table.values))


def _message(value: Any) -> str:
    text = words(value)
    if "{link}" not in text:
        raise ValueError("Write {link} where the survey's address belongs.")
    if strange := unknown_in(text, ("link",)):
        raise ValueError(f"Nothing fills in {{{strange[0]}}}. Known here: {{link}}.")
    return text
