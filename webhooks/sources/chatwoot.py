"""How Chatwoot arrives: signed account, inbox and bot webhooks, and automation webhooks, which it never signs.

It sends once and never again (bots excepted), so whatever is authentic is answered 200 and kept:
https://github.com/chatwoot/chatwoot/issues/15920
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhooks import signature
from webhooks.signature import CHATWOOT_SIGNATURE, CHATWOOT_TIMESTAMP, SignatureError
from webhooks.sources.base import MIB, Answers, Check, Known, Proof, Rejected, Shown, Signed, is_one_of
from worker.config import Settings

_DELIVERY = "x-chatwoot-delivery"
_ANSWERS = Answers(refused=401, stale=200)
_SIGNED = Shown(
    "receiveChatwoot",
    "Account, inbox and bot webhooks of Chatwoot 4.12 and newer, which sign `<timestamp>.<body>`.",
    proofs=(Proof.CHATWOOT,),
    headers=(CHATWOOT_TIMESTAMP, CHATWOOT_SIGNATURE, _DELIVERY),
)
_UNSIGNED = Shown(
    "receiveChatwootAutomation",
    "Automation rules, macros and older versions of Chatwoot, which sign nothing: the token in the path is the proof.",
    headers=(_DELIVERY,),
)


@dataclass(frozen=True, slots=True)
class ChatwootSigned:
    """`/webhooks/chatwoot`: X-Chatwoot-Signature, since Chatwoot 4.12."""

    name: str = "chatwoot"
    endpoint: str = "account"
    path: str = "/webhooks/chatwoot"
    limit_bytes: int = 16 * MIB
    sender_retries: bool = False
    answers: Answers = _ANSWERS
    shown: Shown = _SIGNED

    def open(self, headers: Mapping[str, str], token: str | None, settings: Settings) -> Check:  # noqa: ARG002
        try:
            verification = signature.chatwoot(headers, settings.chatwoot_webhook_secrets)
        except SignatureError as exc:
            raise Rejected(self.answers.refused, exc.reason.value) from exc
        return Signed(verification, self.answers, headers.get(_DELIVERY))


@dataclass(frozen=True, slots=True)
class ChatwootUnsigned:
    """`/webhooks/chatwoot/<token>`: automation rules, macros and old versions; the token in the URL is the proof."""

    name: str = "chatwoot"
    endpoint: str = "automation"
    path: str = "/webhooks/chatwoot/<token>"
    limit_bytes: int = 16 * MIB
    sender_retries: bool = False
    answers: Answers = _ANSWERS
    shown: Shown = _UNSIGNED

    def open(self, headers: Mapping[str, str], token: str | None, settings: Settings) -> Check:
        if not settings.chatwoot_url_token:
            raise Rejected(self.answers.refused, "no_secret")
        if not is_one_of(token or "", (settings.chatwoot_url_token,)):
            raise Rejected(self.answers.refused, "mismatch")
        return Known(headers.get(_DELIVERY))
