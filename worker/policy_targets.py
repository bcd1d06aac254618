"""The [[targets]] of the policy file: where outgoing events go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from worker.clients.addresses import is_private_literal
from worker.domain.outgoing import OFFERED
from worker.domain.policy import Target
from worker.settings_values import TARGET_NAME
from worker.toml_table import Table, flag, some_of, words


def targets(tables: Sequence[Table]) -> tuple[Target, ...]:
    """All of them."""
    return tuple(target(table) for table in tables)


def target(table: Table) -> Target:
    """One of [[targets]]. Only https, unless the target is allowed to be inside."""
    read = Target(
        name=table.read("name", "", _name),
        url=table.read("url", "", url),
        events=table.read("events", (), some_of(tuple(OFFERED))),
        allow_private=table.read("allow_private", False, flag),
    )
    for key in ("name", "url"):
        if key not in table.values:
            table.wrong(key, f"{key} is missing", f'Add {key} = "…".')
    if read.url:
        refuse_unsafe(table, "url", read.url, allow_private=read.allow_private)
    table.finish()
    return read


def refuse_unsafe(table: Table, key: str, url: str, *, allow_private: bool) -> None:
    """Note what is not encrypted, or inside, without having been allowed."""
    if allow_private:
        return
    parts = urlsplit(url)
    if is_private_literal(parts.hostname or ""):
        table.wrong(key, f"{parts.hostname} is a private address", "Add allow_private = true if that is meant.")
    elif parts.scheme == "http":
        table.wrong(
            key, "http:// is not encrypted", "Write https://; http:// is only for addresses inside, with "
            "allow_private = true.",
        )  # fmt: skip


def url(value: Any) -> str:
    """A web address without anything that must not be in a file: a user or a password."""
    text = words(value)
    remedy = 'Write an address such as "https://crm.example.com/hooks/desk".'
    try:
        parts = urlsplit(text)
        is_complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(remedy) from None
    if not is_complete or not text.isprintable() or " " in text:
        raise ValueError(remedy)
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave out user and password: the signature is what proves that it is us.")
    if parts.fragment:
        raise ValueError("Leave out what follows the #: it is never sent.")
    return text


def _name(value: Any) -> str:
    text = words(value)
    if not TARGET_NAME.fullmatch(text):
        raise ValueError("Write at most 30 lower-case letters, digits, - and _, beginning with a letter or digit.")
    return text
