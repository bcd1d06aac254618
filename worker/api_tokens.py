"""Who may use the ticket API, and for what: bearer tokens as the settings hold them."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

SCOPES = ("read", "create", "write")
"""read: look; create: only open tickets; write: every verb, opening included."""

_SHORTEST = 24
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what RFC 6750 lets a bearer token be
_FORM = "write name:scopes:token, for example crm:create+read:<token>"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One caller: the name it acts under, what it may do, and its secret."""

    name: str
    scopes: frozenset[str]
    token: str = field(repr=False)

    def may(self, scope: str) -> bool:
        """Whether it may use what needs `scope`; who may write may also create."""
        return scope in self.scopes or (scope == "create" and "write" in self.scopes)


def read(value: str) -> tuple[ApiToken, ...]:
    """Comma separated `name:scopes:token`, scopes joined by `+`. ValueError never repeats a token."""
    found = tuple(_one(part.strip(), n) for n, part in enumerate(value.split(","), 1) if part.strip())
    if len({one.name for one in found}) < len(found):
        raise ValueError("two have the same name: give each caller its own, so that the log can tell them apart")
    if len({one.token for one in found}) < len(found):
        raise ValueError("two have the same token: give each caller its own")
    return found


def make(name: str = "local", scopes: Sequence[str] = ("read", "write")) -> str:
    """A new entry for the settings, with a token nobody can guess."""
    return f"{name}:{'+'.join(scopes)}:{secrets.token_urlsafe(32)}"


def holder_of(tokens: Sequence[ApiToken], given: str) -> ApiToken | None:
    """Whose token it is. Every one is compared, in the same time whatever is right about it."""
    wanted, found = _digest(given), None
    for one in tokens:
        if hmac.compare_digest(_digest(one.token), wanted):
            found = one
    return found


def _one(part: str, number: int) -> ApiToken:
    name, colon, rest = part.partition(":")
    scopes, second, token = rest.partition(":")
    if not colon or not second or _NAME.fullmatch(name) is None:
        raise ValueError(f"entry {number}: {_FORM}")
    given = frozenset(scopes.split("+"))
    if given - set(SCOPES):  # not repeated: it may be the token, in the wrong place
        raise ValueError(f"entry {number} ({name}): the scopes are some of {', '.join(SCOPES)}, joined by +")
    if len(token) < _SHORTEST or _TOKEN.fullmatch(token) is None:
        raise ValueError(f"entry {number} ({name}): the token needs {_SHORTEST} or more of A-Z a-z 0-9 . _ ~ + / = -")
    return ApiToken(name, given, token)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
