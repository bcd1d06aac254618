"""How a web form arrives: passed on by the server behind it, signed by Standard Webhooks with the secrets of e-mail.

A browser cannot keep a secret, so it never posts here itself. Most servers pass a form on once and thank the visitor
whatever we say: an incomplete or late form is therefore kept like every other. One that shows errors to the visitor may
ask for them with `Prefer: handling=strict` (RFC 7240); then, and only then, nothing is lost by refusing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhooks import signature
from webhooks.signature import BLANKS, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP, SignatureError
from webhooks.sources.base import MIB, Answers, Authentic, Check, Proof, Rejected, Shown, Signed
from worker import form_fields
from worker.config import Settings

_STRICT = re.compile(r"(?:^|[,;])\s*handling\s*=\s*\"?strict\b", re.IGNORECASE)
_INCOMPLETE = 422
_ANSWERS = Answers(refused=401, stale=200, incomplete=_INCOMPLETE)
_SHOWN = Shown(
    "receiveForm",
    "A web form, passed on by the server behind it. With `Prefer: handling=strict` an incomplete one is refused.",
    media_types=("application/x-www-form-urlencoded", "application/json"),
    proofs=(Proof.STANDARD,),
    headers=(STANDARD_ID, STANDARD_TIMESTAMP, STANDARD_SIGNATURE, "prefer"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """`/webhooks/form`: urlencoded or JSON."""

    name: str = "form"
    endpoint: str = "web"
    path: str = "/webhooks/form"
    limit_bytes: int = 1 * MIB
    sender_retries: bool = False
    answers: Answers = _ANSWERS
    shown: Shown = _SHOWN

    def open(self, headers: Mapping[str, str], token: str | None, settings: Settings) -> Check:  # noqa: ARG002
        try:
            verification = signature.standard(headers, settings.email_secrets)
        except SignatureError as exc:
            raise Rejected(self.answers.refused, exc.reason.value) from exc
        check = Signed(verification, self.answers, headers[STANDARD_ID].strip(BLANKS))
        return Strict(check, self.limit_bytes) if _STRICT.search(headers.get("prefer", "")) else check


class Strict:
    """A check that refuses an authentic form in which a required field is missing, and names the field."""

    def __init__(self, check: Check, limit_bytes: int) -> None:
        self._check, self._room = check, limit_bytes
        self._parts: list[bytes] = []

    def update(self, chunk: bytes) -> None:
        self._check.update(chunk)
        self._room -= len(chunk)
        if self._room >= 0:
            self._parts.append(chunk)

    def finish(self, *, now: datetime, tolerance: timedelta) -> Authentic:
        authentic = self._check.finish(now=now, tolerance=tolerance)
        if authentic.dead_cause is None and self._room >= 0 and (missing := self._lacking()):
            raise Rejected(_INCOMPLETE, "missing_fields", fields=missing)
        return authentic

    def _lacking(self) -> tuple[str, ...]:
        try:
            return form_fields.lacking(form_fields.read(b"".join(self._parts)))
        except ValueError:  # no form at all: kept as a dead letter, which shows what it was
            return ()
