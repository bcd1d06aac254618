"""The strings inside settings that must never be shown: secrets and tokens as they are, passwords out of URLs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from worker.api_tokens import ApiToken


def of(values: Iterable[Any]) -> list[str]:
    """Every secret string in these values of secret settings, also as it stands in a URL."""
    return [secret for value in values for secret in _in(value) if secret]


def _in(value: Any) -> Iterator[str]:
    match value:
        case ApiToken(token=token):
            yield token
        case (str(_), str(secret)) | [str(_), str(secret)] if secret.startswith("whsec_"):
            yield secret.removeprefix("whsec_")
        case tuple():
            for one in value:
                yield from _in(one)
        case str() if "://" in value:
            yield from _password(value)
        case str():
            yield value.removeprefix("whsec_")


def _password(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password
    except ValueError:  # no URL after all
        return
    if password:
        yield password
        yield unquote(password)
