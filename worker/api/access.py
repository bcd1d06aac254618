"""Who calls, and whether they may: the token of the request against those of the settings."""

from __future__ import annotations

from collections.abc import Sequence

from worker.api.problems import Problem
from worker.api_tokens import ApiToken, holder_of

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="hookdesk"'}


def caller(header: str | None, tokens: Sequence[ApiToken]) -> ApiToken:
    """Whose token the Authorization header carries. Raises Problem."""
    if not tokens:
        raise Problem("unauthorized", "HOOKDESK_API_TOKENS is empty, so nobody may come in", headers=_CHALLENGE)
    if not header:
        raise Problem("unauthorized", "there is no Authorization header", headers=_CHALLENGE)
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem("unauthorized", "the Authorization header is not `Bearer <token>`", headers=_CHALLENGE)
    found = holder_of(tokens, token.strip())
    if found is None:
        why = {"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'}
        raise Problem("unauthorized", "nobody has this token", headers=why)
    return found


def demand(token: ApiToken, scope: str) -> None:
    """Raises Problem when the token lacks the scope."""
    if not token.may(scope):
        has = ", ".join(sorted(token.scopes))
        why = {"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="insufficient_scope", scope="{scope}"'}
        raise Problem("forbidden", f"{token.name} has the scopes {has}; this needs {scope}", headers=why)
