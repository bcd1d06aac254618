"""How e-mail arrives from services without a form of their own: signed by Standard Webhooks, or with a bearer token.

Parsers such as Mailparser and Parseur can only send static headers, hence the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhooks import signature
from webhooks.signature import BLANKS, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP, SignatureError
from webhooks.sources.base import MIB, Answers, Check, Known, Proof, Rejected, Shown, Signed, is_one_of
from worker.config import Settings

_BEARER = "bearer "
_ANSWERS = Answers(refused=401, stale=401)
_SHOWN = Shown(
    "receiveEmail",
    "A mail as JSON, signed by Standard Webhooks, or with a bearer token from a service that cannot sign.",
    proofs=(Proof.STANDARD, Proof.BEARER),
    headers=(STANDARD_ID, STANDARD_TIMESTAMP, STANDARD_SIGNATURE),
)


@dataclass(frozen=True, slots=True)
class EmailGeneric:
    """`/webhooks/email/generic`. A repeated request is signed anew, so a stale one can be refused and comes back."""

    name: str = "email"
    endpoint: str = "generic"
    path: str = "/webhooks/email/generic"
    limit_bytes: int = 40 * MIB
    sender_retries: bool = True
    answers: Answers = _ANSWERS
    shown: Shown = _SHOWN

    def open(self, headers: Mapping[str, str], token: str | None, settings: Settings) -> Check:  # noqa: ARG002
        authorization = headers.get("authorization", "").strip()
        if STANDARD_SIGNATURE not in headers and authorization[: len(_BEARER)].lower() == _BEARER:
            return self._by_bearer(headers, authorization[len(_BEARER) :].strip(), settings)
        try:
            verification = signature.standard(headers, settings.email_secrets)
        except SignatureError as exc:
            raise Rejected(self.answers.refused, exc.reason.value) from exc
        return Signed(verification, self.answers, headers[STANDARD_ID].strip(BLANKS))

    def _by_bearer(self, headers: Mapping[str, str], given: str, settings: Settings) -> Check:
        if not settings.email_bearer_tokens:
            raise Rejected(self.answers.refused, "no_secret")
        if not is_one_of(given, settings.email_bearer_tokens):
            raise Rejected(self.answers.refused, "mismatch")
        return Known(headers.get(STANDARD_ID))
