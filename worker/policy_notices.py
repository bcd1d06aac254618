"""[notices] of the policy file: whom operators' notices reach."""

from __future__ import annotations

from typing import Any

from worker.domain.policy import NoticePolicy
from worker.policy_targets import refuse_unsafe, url
from worker.toml_table import Table, duration, flag, list_of_words, words

DEFAULT = "default"
"""The name under [notices.leads] that stands for every team without leads of its own."""


def notices(table: Table) -> NoticePolicy:
    """[notices] and [notices.leads]."""
    usual = NoticePolicy()
    read = NoticePolicy(
        leads=_leads(table.table("leads")),
        webhook=table.read("webhook", usual.webhook, url),
        allow_private=table.read("allow_private", usual.allow_private, flag),
        late=table.read("late", usual.late, duration),
    )
    if read.webhook:
        refuse_unsafe(table, "webhook", read.webhook, allow_private=read.allow_private)
    table.finish()
    return read


def _leads(table: Table) -> tuple[tuple[str, str], ...]:
    """(team, address), one for each address."""
    nobody: tuple[str, ...] = ()
    found = []
    for team in table.values:
        for address in table.read(team, nobody, _addresses):
            found.append(("" if team == DEFAULT else team, address))
    return tuple(found)


def _addresses(value: Any) -> tuple[str, ...]:
    """One address or a list of them."""
    each = (words(value),) if isinstance(value, str) else list_of_words(value, example='["lead@example.com"]')
    for address in each:
        name, at, domain = address.partition("@")
        if not (name and at and "." in domain) or any(c.isspace() or c in "<>,;" for c in address):
            raise ValueError(f'{address!r} is not an address. Write "lead@example.com", or a list of such.')
    return each
