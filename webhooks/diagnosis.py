"""Why a signature does not hold, for `hookdesk verify`: says only what the bytes at hand can prove."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from webhooks import signature
from webhooks.signature import CHATWOOT_SIGNATURE, STANDARD_SIGNATURE, Reason, SignatureError, Verification, Verified

_JSON_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class _Open(Protocol):
    def __call__(self, headers: Mapping[str, str], secrets: Iterable[str]) -> Verification: ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`reason` is a closed word (`ok` when all is well), the other two are sentences for an operator."""

    reason: str
    explanation: str
    remedy: str

    @property
    def is_ok(self) -> bool:
        """Would the door have accepted it?"""
        return self.reason == "ok"


_PLAIN = {
    Reason.NO_SECRET: Diagnosis(
        "no_secret", "No secret is configured for this source, so nothing can be authentic.",
        "Set HOOKDESK_CHATWOOT_WEBHOOK_SECRETS (or HOOKDESK_EMAIL_SECRETS) to the secret the sender shows.",
    ),
    Reason.MISSING_HEADER: Diagnosis(
        "missing_header", "A signature header or its timestamp is missing.",
        "Chatwoot signs account webhooks from 4.12 and API inboxes from 4.13, automation rules never: use "
        "/webhooks/chatwoot/<url-token> for those. Also check that no proxy removes headers.",
    ),
    Reason.MALFORMED: Diagnosis(
        "malformed", "The signature or timestamp header does not have the form it must have.",
        "Chatwoot: `sha256=` and 64 lower-case hex digits, timestamp in whole seconds. Standard Webhooks: `v1,` and "
        "base64. Look for a proxy that rewrites or joins headers.",
    ),
}  # fmt: skip
_NO_PREFIX = Diagnosis(
    "no_prefix", "The signature lacks its prefix (`sha256=` for Chatwoot, `v1,` for Standard Webhooks).",
    "Send the header exactly as the sender made it.",
)  # fmt: skip
_BODY_ONLY = Diagnosis(
    "body_only", "The secret is right, but the hash is over the body alone.",
    'Sign the timestamp too: HMAC-SHA256(secret, "<timestamp>." + raw body), with the same timestamp in '
    "X-Chatwoot-Timestamp.",
)  # fmt: skip
_EMPTY_BODY = Diagnosis(
    "changed_body", "The body is empty; Chatwoot never signs an empty one. It was lost on the way.",
    "Look at the proxy in front of Hookdesk: a redirect or a body filter drops it.",
)  # fmt: skip
_WRONG_SECRET = Diagnosis(
    "wrong_secret",
    "None of the configured secrets made this signature for these bytes and this timestamp. Usually the secret is "
    "another webhook's (each has its own); bytes or timestamp changed on the way look the same from here.",
    "Compare the secret with the one Chatwoot shows for exactly this webhook (Settings, Integrations, Webhooks).",
)  # fmt: skip


def diagnose(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime, tolerance: timedelta
) -> Diagnosis:
    """What is wrong with this request's signature, or `ok`. Header names may have any case. Never raises."""
    found = {name.lower(): value for name, value in headers.items()}
    open_: _Open = signature.standard if STANDARD_SIGNATURE in found else signature.chatwoot
    try:
        return _of_time(_verify(open_, found, body, secrets, now, tolerance), tolerance)
    except SignatureError as failure:
        if failure.reason is Reason.NO_PREFIX:
            return _without_prefix(open_, found, body, secrets, now, tolerance)
        if failure.reason is not Reason.MISMATCH:
            return _PLAIN[failure.reason]
    if open_ is signature.chatwoot and _signs_body_alone(found, body, secrets):
        return _BODY_ONLY
    if not body:
        return _EMPTY_BODY
    return _of_changes(open_, found, body, secrets, now, tolerance) or _WRONG_SECRET


def _verify(
    open_: _Open, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime, tolerance: timedelta
) -> Verified:
    verification = open_(headers, secrets)
    verification.update(body)
    return verification.finish(now=now, tolerance=tolerance)


def _of_time(verified: Verified, tolerance: timedelta) -> Diagnosis:
    if not verified.is_stale:
        return Diagnosis("ok", "The signature holds and its time is inside the window.", "Nothing to do.")
    away = timedelta(seconds=round(abs(verified.age_seconds)))
    side = "older than" if verified.age_seconds > 0 else "ahead of"
    return Diagnosis(
        "stale",
        f"The signature holds, but its timestamp is {away} {side} our clock; {tolerance} is tolerated.",
        "Check both clocks (`timedatectl`). A captured request is always old: verify it with the time it arrived.",
    )


def _without_prefix(
    open_: _Open, headers: dict[str, str], body: bytes, secrets: Sequence[str], now: datetime, tolerance: timedelta
) -> Diagnosis:
    name, prefix = (CHATWOOT_SIGNATURE, "sha256=") if open_ is signature.chatwoot else (STANDARD_SIGNATURE, "v1,")
    try:
        _verify(open_, {**headers, name: prefix + headers[name].strip()}, body, secrets, now, tolerance)
    except SignatureError:
        return _NO_PREFIX
    return Diagnosis(_NO_PREFIX.reason, _NO_PREFIX.explanation + " The rest of it is right.", _NO_PREFIX.remedy)


def _signs_body_alone(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> bool:
    claim = headers[CHATWOOT_SIGNATURE].strip().removeprefix("sha256=")
    return any(hmac.compare_digest(hmac.new(s.encode(), body, sha256).hexdigest(), claim) for s in secrets if s)


def _of_changes(
    open_: _Open, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime, tolerance: timedelta
) -> Diagnosis | None:
    """A change that can be undone and then verifies is proven; nothing else is claimed."""
    for what, original in _likely_originals(body):
        try:
            _verify(open_, headers, original, secrets, now, tolerance)
        except SignatureError:
            continue
        return Diagnosis(
            "changed_body",
            f"The secret is right, but the body was changed after signing: {what}.",
            "Pass on and verify the raw bytes as they came; never parse and write them again before that.",
        )
    trimmed = [secret.strip().strip("\"'") for secret in secrets]
    if trimmed != list(secrets):
        try:
            _verify(open_, headers, body, trimmed, now, tolerance)
        except SignatureError:
            return None
        return Diagnosis("wrong_secret", "The configured secret has spaces or quotes around it.", "Remove them.")
    return None


def _likely_originals(body: bytes) -> Iterator[tuple[str, bytes]]:
    yield "a line end was added", body.rstrip(b"\r\n")
    yield "its line end was removed", body + b"\n"
    try:
        value = json.loads(body)
        compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        spaced = json.dumps(value, ensure_ascii=False)
        ascii_only = json.dumps(value, separators=(",", ":"))
    except (ValueError, RecursionError):  # not JSON, or nested beyond reason: then there is nothing to undo
        return
    for text in (_rails(compact), compact, spaced, ascii_only):
        yield "the JSON was parsed and written again", text.encode("utf-8", "surrogatepass")


def _rails(text: str) -> str:
    """As ActiveSupport writes JSON, and so Chatwoot."""
    for plain, escaped in _JSON_ESCAPES.items():
        text = text.replace(plain, escaped)
    return text
