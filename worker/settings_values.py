"""How the text of a setting becomes a value: one reader per type, each raising ValueError that says what to write."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

Reader = Callable[[str], Any]

TARGET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
"""What a target of outgoing webhooks may be called: it stands in keys, settings and commands."""
_PATH_TOKEN = re.compile(r"[A-Za-z0-9._~+=-]{16,}")
_MAKE_ONE = "make one with `openssl rand -hex 24`"
_UNITS = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
_BROKERS = ("redis", "rediss", "redis+socket", "amqp", "amqps")


def text(value: str) -> str:
    """Anything but nothing."""
    return value


def path(value: str) -> Path:
    """A path; `~` is the home folder."""
    return Path(value).expanduser()


def number(low: int, high: int) -> Reader:
    """A whole number within bounds."""

    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,18}", value):
            raise ValueError(f"write a whole number from {low} to {high}")
        if not low <= int(value) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(value)

    return read


def rate(value: str) -> float:
    """Calls per second, more than zero."""
    try:
        per_second = float(value)
    except ValueError:
        raise ValueError("write calls per second, for example 25") from None
    if not 0 < per_second <= 10_000:
        raise ValueError("write calls per second, more than 0 and at most 10000")
    return per_second


def size(value: str) -> int:
    """A number of bytes, with or without a unit."""
    match = re.fullmatch(r"(\d{1,12})\s*([a-z]*)", value.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError("write bytes or a size such as 512MiB or 1GiB")
    return int(match[1]) * _UNITS[match[2]]


def choice(*options: str) -> Reader:
    """One word of a closed list."""

    def read(value: str) -> str:
        if value not in options:
            raise ValueError(f"write one of {', '.join(options)}")
        return value

    return read


def url(value: str) -> str:
    """An http or https address, without the slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_good_port(parts):
        raise ValueError("write an address such as https://chat.example.com")
    if parts.username is not None or parts.password is not None:  # they would not be used, but shown
        raise ValueError("write the address without a user and a password")
    if parts.query or parts.fragment:
        raise ValueError("write the address without ?query or #fragment")
    return value.rstrip("/")


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def database(value: str) -> str:
    """An SQLAlchemy URL of a database Hookdesk is tested with."""
    scheme = value.partition("://")[0]
    if scheme == "postgres":
        raise ValueError("write postgresql:// instead of postgres://")
    if "://" not in value or scheme not in _DATABASES:
        raise ValueError("write sqlite:///path/to/file.db or postgresql://user@host/name")
    from sqlalchemy.engine import make_url  # slow to import, and needed by who names a database
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(value)
    except (ArgumentError, ValueError):  # not told: it may quote the password
        raise ValueError("write postgresql://user:password@host:5432/name, a special character as %40") from None
    return value


def broker(value: str) -> str:
    """A URL Celery can speak to."""
    if "://" not in value or value.partition("://")[0] not in _BROKERS:
        raise ValueError("write redis://host:6379/0, rediss://… or amqp://…; leave it out for the embedded Valkey")
    return value


def secrets(minimum: int) -> Reader:
    """Comma separated secrets, all valid at once; each with at least so many characters."""

    def read(value: str) -> tuple[str, ...]:
        each = tuple(part.strip() for part in value.split(",") if part.strip())
        if any(len(secret) < minimum for secret in each):
            raise ValueError(f"a secret is too short: use at least {minimum} characters")
        return each

    return read


def path_token(value: str) -> str:
    """A secret that is one segment of a path: with a slash, say, or a % it would be another path, and never match."""
    if not _PATH_TOKEN.fullmatch(value):
        raise ValueError(
            "it is a part of a path, so it needs 16 or more of A-Z a-z 0-9 . _ ~ + = - and nothing else; "
            f"{_MAKE_ONE} and put it into the rules of Chatwoot, too"
        )
    return value


def bearer_tokens(value: str) -> tuple[str, ...]:
    """Comma separated secrets of 16 characters or more that an Authorization header can carry as they are."""
    each: tuple[str, ...] = secrets(16)(value)
    if any(not (token.isascii() and token.isprintable()) for token in each):
        raise ValueError(
            "a token has characters beyond ASCII, which do not pass through a header unchanged and would never match; "
            f"{_MAKE_ONE} and give it to its sender, too"
        )
    return each


def standard_secrets(value: str) -> tuple[str, ...]:
    """Comma separated secrets of the Standard Webhooks kind: whsec_ and base64."""
    each = secrets(1)(value)
    for secret in each:
        if not _is_standard(secret):
            raise ValueError("each must be whsec_ followed by base64 of at least 16 bytes")
    return tuple(each)


def target_secrets(value: str) -> tuple[tuple[str, str], ...]:
    """Comma separated secrets of outgoing webhooks as (target, secret): `crm:whsec_…` is that target's, `whsec_…`
    (target "") everybody's who has none of its own."""
    pairs = []
    for part in secrets(1)(value):
        target, colon, secret = part.rpartition(":")
        if not _is_standard(secret) or (colon and not TARGET_NAME.fullmatch(target)):
            raise ValueError(
                "each must be whsec_ followed by base64 of at least 16 bytes, or a target's name, a colon and that"
            )
        pairs.append((target, secret))
    return tuple(pairs)


def _is_standard(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith("whsec_") and len(key) >= 16


def smtp(value: str) -> str:
    """The address of a mail server, checked; what is in it is read where mail is sent."""
    parts = urlsplit(value)
    try:
        is_complete = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ValueError("write smtp://user:password@mail.example.com:587 or smtps://…; a special character as %40")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("write the user and the password, or neither")
    return value


def mail_address(value: str) -> str:
    """An address to send from, with or without a name."""
    try:
        return str(sender(value))
    except ValueError:
        raise ValueError(
            'write an address such as support@example.com or "Example Support <support@example.com>"'
        ) from None


def sender(value: str) -> Address:
    """The parts of such an address. Raises ValueError."""
    name, address = parseaddr(value)
    if not value.isprintable() or "@" not in address:
        raise ValueError("not an address")
    try:
        return Address(display_name=name, addr_spec=address)
    except (HeaderParseError, IndexError) as exc:
        raise ValueError("not an address") from exc
