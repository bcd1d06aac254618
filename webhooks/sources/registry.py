"""The sources Hookdesk knows; a new one is a line here and a file beside it."""

from __future__ import annotations

from collections.abc import Iterable

from webhooks.sources.base import Source
from webhooks.sources.chatwoot import ChatwootSigned, ChatwootUnsigned
from webhooks.sources.email_generic import EmailGeneric
from webhooks.sources.form import Form

SOURCES: tuple[Source, ...] = (
    ChatwootSigned(),
    ChatwootUnsigned(),
    EmailGeneric(),
    Form(),
)


def match(path: str, sources: Iterable[Source] | None = None) -> tuple[Source, str | None] | None:
    """The source that listens at this path, and the token in it; None for every other path."""
    for source in SOURCES if sources is None else sources:
        fixed, has_token, _ = source.path.partition("<token>")
        if not has_token and path == fixed:
            return source, None
        token = path.removeprefix(fixed)
        if has_token and token and token != path and "/" not in token:
            return source, token
    return None


def faults(sources: Iterable[Source] | None = None) -> list[str]:
    """Sentences about answers that could lose mail; the door does not open while there are any."""
    return [
        f"{source.name}/{source.endpoint}: {sentence}"
        for source in (SOURCES if sources is None else sources)
        for sentence in source.answers.faults(sender_retries=source.sender_retries)
    ]
