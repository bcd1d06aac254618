"""The section [templates] of the policy file: canned texts by name."""

from __future__ import annotations

import re

from worker.domain.templates import PLACEHOLDERS, unknown_in
from worker.toml_table import Table, words

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def templates(table: Table) -> tuple[tuple[str, str], ...]:
    """(name, text) in the order of the file; a placeholder that nothing fills in is a mistake."""
    found = []
    for name in table.values:
        text = table.read(name, "", words)
        if _NAME.fullmatch(name) is None:
            table.wrong(name, f"{name!r} cannot name a template", "Use small letters, digits, - and _, as in eta.")
        elif strange := unknown_in(text):
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            table.wrong(name, f"{{{strange[0]}}} in {name} is not filled in by anything", f"Known: {known}.")
        found.append((name, text))
    table.finish()
    return tuple(found)
