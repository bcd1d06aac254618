"""Is it really them? HMAC signatures over the raw bytes, several secrets at once, one failure type.

A `Verification` is opened from the headers, fed the body as it comes, and finished once; so a body of any size can be
checked without being held. Nothing an attacker can write into a header raises anything but `SignatureError`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from worker.errors import HookdeskError
from worker.signing import PREFIX_CHATWOOT, chatwoot_mac, sign_chatwoot, sign_standard, standard_mac

__all__ = ["Reason", "SignatureError", "Verification", "Verified", "chatwoot", "sign_chatwoot", "sign_standard",
           "standard"]  # fmt: skip

CHATWOOT_SIGNATURE, CHATWOOT_TIMESTAMP = "x-chatwoot-signature", "x-chatwoot-timestamp"
STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP = "webhook-id", "webhook-signature", "webhook-timestamp"
BLANKS = " \t"  # around a header's value; str.strip() takes A0 and 85 too, which end an "à" or an "Å" in UTF-8
MAX_SIGNATURES = 16  # a rotation needs two; more is somebody making us work

_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Reason(StrEnum):
    """Why a signature does not hold. A closed list: it is shown in logs, metrics and rejects."""

    NO_SECRET = "no_secret"  # noqa: S105  a word, not a secret
    MISSING_HEADER = "missing_header"
    NO_PREFIX = "no_prefix"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"


class SignatureError(HookdeskError):
    """The request is not authentic, whatever the cause; `reason` is for us, never for the sender."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(f"signature refused: {reason}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds. `is_stale`: sent outside the tolerated window, which is not a failed signature."""

    sent_at: datetime
    age_seconds: float
    is_stale: bool


class Verification:
    """One request's signature being checked: `update` with the body, then `finish` once."""

    def __init__(self, macs: Sequence[hmac.HMAC], claims: Sequence[bytes], sent_at: datetime) -> None:
        self._macs, self._claims, self._sent_at = macs, claims, sent_at

    def update(self, chunk: bytes) -> None:
        """Feed the next bytes of the raw body."""
        for mac in self._macs:
            mac.update(chunk)

    def finish(self, *, now: datetime, tolerance: timedelta) -> Verified:
        """Raises SignatureError unless one secret made one of the claimed signatures; all pairs are compared."""
        is_match = False
        for mac in self._macs:
            made = mac.digest()
            for claim in self._claims:
                is_match |= hmac.compare_digest(made, claim)
        if not is_match:
            raise SignatureError(Reason.MISMATCH)
        age = now - self._sent_at
        return Verified(self._sent_at, age.total_seconds(), abs(age) > tolerance)


def chatwoot(headers: Mapping[str, str], secrets: Iterable[str]) -> Verification:
    """Open the check of X-Chatwoot-Signature (header names in lower case). Raises SignatureError."""
    keys = _usable(secrets)
    claim, timestamp = _required(headers, CHATWOOT_SIGNATURE, CHATWOOT_TIMESTAMP)
    if not claim.startswith(PREFIX_CHATWOOT):
        raise SignatureError(Reason.NO_PREFIX)
    hexadecimal = claim.removeprefix(PREFIX_CHATWOOT)
    if not _HEX_SHA256.fullmatch(hexadecimal):
        raise SignatureError(Reason.MALFORMED)
    sent_at = _time(timestamp)
    return Verification([chatwoot_mac(key, timestamp) for key in keys], [bytes.fromhex(hexadecimal)], sent_at)


def standard(headers: Mapping[str, str], secrets: Iterable[str]) -> Verification:
    """Open the check of webhook-signature as Standard Webhooks 1.0 has it; only `v1` counts. Raises SignatureError."""
    keys = _usable(secrets)
    message_id, listed, timestamp = _required(headers, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP)
    sent_at = _time(timestamp)
    claims = [_decoded(entry[3:]) for entry in listed.split()[:MAX_SIGNATURES] if entry.startswith("v1,")]
    if not claims:
        raise SignatureError(Reason.NO_PREFIX if "v1" not in listed else Reason.MALFORMED)
    try:
        macs = [standard_mac(key, message_id.encode("latin-1"), timestamp) for key in keys]
    except ValueError as exc:  # a header beyond latin-1, or a secret that is not base64 (config refuses those)
        raise SignatureError(Reason.MALFORMED) from exc
    return Verification(macs, claims, sent_at)


def _usable(secrets: Iterable[str]) -> list[str]:
    """An empty secret would sign for everybody."""
    keys = [secret for secret in secrets if secret]
    if not keys:
        raise SignatureError(Reason.NO_SECRET)
    return keys


def _required(headers: Mapping[str, str], *names: str) -> list[str]:
    values = [headers.get(name, "").strip(BLANKS) for name in names]
    if not all(values):
        raise SignatureError(Reason.MISSING_HEADER)
    return values


def _time(timestamp: str) -> datetime:
    if not _SECONDS.fullmatch(timestamp):
        raise SignatureError(Reason.MALFORMED)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(timestamp))


def _decoded(text: str) -> bytes:
    """A claim that is not base64 can never match, so it becomes one that does not."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
