"""Signatures: Chatwoot's own vectors, Standard Webhooks, and everything an attacker can write into a header."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.webhooks.senders import CHATWOOT_SECRET, NOW, STANDARD_SECRET, seconds
from webhooks import signature
from webhooks.signature import Reason, SignatureError, Verification, Verified
from worker.signing import chatwoot_headers, sign_standard, standard_headers, standard_key

FIXTURES = Path(__file__).parents[2] / "fixtures"
VECTORS = json.loads((FIXTURES / "chatwoot" / "vectors.json").read_text())["vectors"]
WINDOW = timedelta(seconds=300)
HEADER = st.text(max_size=120)


def finish(verification: Verification, body: bytes, *, now: datetime = NOW, tolerance: timedelta = WINDOW) -> Verified:
    verification.update(body)
    return verification.finish(now=now, tolerance=tolerance)


def at(seconds_since_1970: int | str) -> datetime:
    return datetime.fromtimestamp(int(seconds_since_1970), UTC)


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class TestChatwoot:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
    def test_it_agrees_with_chatwoots_own_code(self, vector: dict[str, Any]) -> None:
        headers, body = lowered(vector["headers"]), base64.b64decode(vector["raw_body_base64"])
        now = at(vector["timestamp"])

        if vector["valid"]:
            verified = finish(signature.chatwoot(headers, [vector["secret"]]), body, now=now)
            assert verified == Verified(sent_at=now, age_seconds=0.0, is_stale=False)
        else:
            with pytest.raises(SignatureError):
                finish(signature.chatwoot(headers, [vector["secret"]]), body, now=now)

    def test_any_of_several_secrets_will_do(self) -> None:
        headers = lowered(chatwoot_headers(CHATWOOT_SECRET, b"{}", timestamp=int(NOW.timestamp()), delivery_id="1"))

        assert not finish(signature.chatwoot(headers, ["old", CHATWOOT_SECRET, "older"]), b"{}").is_stale

    def test_a_body_in_pieces_is_the_same_body(self) -> None:
        headers = lowered(chatwoot_headers(CHATWOOT_SECRET, b"abc", timestamp=int(NOW.timestamp()), delivery_id="1"))
        verification = signature.chatwoot(headers, [CHATWOOT_SECRET])
        verification.update(b"a")

        assert finish(verification, b"bc").sent_at == NOW

    @pytest.mark.parametrize(
        ("age", "is_stale"), [(-301, True), (-300, False), (0, False), (300, False), (301, True), (86_400, True)]
    )
    def test_a_valid_signature_outside_the_window_is_stale_not_failed(self, age: int, is_stale: bool) -> None:
        headers = lowered(chatwoot_headers(CHATWOOT_SECRET, b"{}", timestamp=int(NOW.timestamp()), delivery_id="1"))

        verified = finish(signature.chatwoot(headers, [CHATWOOT_SECRET]), b"{}", now=NOW + seconds(age))

        assert (verified.is_stale, verified.age_seconds) == (is_stale, age)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"x-chatwoot-signature": ""}, Reason.MISSING_HEADER),
            ({"x-chatwoot-timestamp": " "}, Reason.MISSING_HEADER),
            ({"x-chatwoot-signature": "a" * 64}, Reason.NO_PREFIX),
            ({"x-chatwoot-signature": "SHA256=" + "a" * 64}, Reason.NO_PREFIX),
            ({"x-chatwoot-signature": "sha256=" + "A" * 64}, Reason.MALFORMED),
            ({"x-chatwoot-signature": "sha256=" + "a" * 63}, Reason.MALFORMED),
            ({"x-chatwoot-signature": "sha256=" + "ä" * 64}, Reason.MALFORMED),
            ({"x-chatwoot-signature": "sha256=" + "a" * 64 + ",sha256=" + "a" * 64}, Reason.MALFORMED),
            ({"x-chatwoot-timestamp": "١٢٣"}, Reason.MALFORMED),
            ({"x-chatwoot-timestamp": "1e9"}, Reason.MALFORMED),
            ({"x-chatwoot-timestamp": "-1"}, Reason.MALFORMED),
            ({"x-chatwoot-timestamp": "9" * 400}, Reason.MALFORMED),
            ({"x-chatwoot-timestamp": "99999999999"}, Reason.MISMATCH),
            ({"x-chatwoot-signature": "sha256=" + "a" * 64}, Reason.MISMATCH),
        ],
    )
    def test_it_names_what_is_wrong(self, change: dict[str, str], reason: Reason) -> None:
        headers = lowered(chatwoot_headers(CHATWOOT_SECRET, b"{}", timestamp=int(NOW.timestamp()), delivery_id="1"))

        with pytest.raises(SignatureError) as caught:
            finish(signature.chatwoot({**headers, **change}, [CHATWOOT_SECRET]), b"{}")

        assert caught.value.reason is reason

    @pytest.mark.parametrize("secrets", [(), ("",), ("", "")])
    def test_without_a_secret_nothing_is_authentic(self, secrets: tuple[str, ...]) -> None:
        headers = lowered(chatwoot_headers("", b"{}", timestamp=int(NOW.timestamp()), delivery_id="1"))

        with pytest.raises(SignatureError) as caught:
            signature.chatwoot(headers, secrets)

        assert caught.value.reason is Reason.NO_SECRET

    @given(claim=HEADER, timestamp=HEADER, body=st.binary(max_size=50))
    def test_no_header_raises_anything_else(self, claim: str, timestamp: str, body: bytes) -> None:
        headers = {"x-chatwoot-signature": claim, "x-chatwoot-timestamp": timestamp}

        with pytest.raises(SignatureError):
            finish(signature.chatwoot(headers, [CHATWOOT_SECRET]), body)


class TestStandard:
    def test_it_agrees_with_the_reference_library(self) -> None:
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        verification = signature.standard(headers, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])

        assert finish(verification, b'{"test": 2432232314}', now=at(1614265330)).age_seconds == 0

    @pytest.mark.parametrize("name", ["generic_signed_json", "generic_signed_json_rotation", "webform_signed"])
    def test_it_accepts_the_fixtures(self, name: str) -> None:
        fixture = json.loads((FIXTURES / "email" / f"{name}.json").read_text())
        verification = signature.standard(fixture["headers"], [fixture["secrets"]["webhook_secret"]])

        verified = finish(verification, fixture["body"].encode(), now=at(fixture["now"]))

        assert not verified.is_stale

    @pytest.mark.parametrize(
        ("listed", "reason"),
        [
            ("garbage", Reason.NO_PREFIX),
            ("v2,aaaa", Reason.NO_PREFIX),
            ("v1a,aaaa", Reason.MALFORMED),
            ("v1", Reason.MALFORMED),
            ("v1,", Reason.MISMATCH),
            ("v1,abc", Reason.MISMATCH),
            ("v1,a,b", Reason.MISMATCH),
            ("v1,é v1,***", Reason.MISMATCH),
        ],
    )
    def test_malformed_signatures_fail_like_any_other(self, listed: str, reason: Reason) -> None:
        headers = {"webhook-id": "m", "webhook-timestamp": str(int(NOW.timestamp())), "webhook-signature": listed}

        with pytest.raises(SignatureError) as caught:
            finish(signature.standard(headers, [STANDARD_SECRET]), b"{}")

        assert caught.value.reason is reason

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_every_header_is_needed(self, name: str) -> None:
        headers = standard_headers(STANDARD_SECRET, b"{}", message_id="m", timestamp=int(NOW.timestamp()))
        del headers[name]

        with pytest.raises(SignatureError, match="missing_header"):
            signature.standard(headers, [STANDARD_SECRET])

    def test_the_right_one_may_stand_anywhere_in_the_list(self) -> None:
        stamp = int(NOW.timestamp())
        right = sign_standard(STANDARD_SECRET, b"{}", message_id="m", timestamp=stamp)
        headers = {
            "webhook-id": "m",
            "webhook-timestamp": str(stamp),
            "webhook-signature": f"v1,AAAA v1a,BB v9,C {right}",
        }

        assert not finish(signature.standard(headers, [STANDARD_SECRET]), b"{}").is_stale

    def test_an_endless_list_is_not_worked_through(self) -> None:
        stamp = int(NOW.timestamp())
        right = sign_standard(STANDARD_SECRET, b"{}", message_id="m", timestamp=stamp)
        listed = " ".join(["v1,AAAA"] * 1000 + [right])

        with pytest.raises(SignatureError):
            headers = {"webhook-id": "m", "webhook-timestamp": str(stamp), "webhook-signature": listed}
            finish(signature.standard(headers, [STANDARD_SECRET]), b"{}")

    def test_a_secret_may_lack_prefix_and_padding(self) -> None:
        assert standard_key(STANDARD_SECRET) == standard_key(STANDARD_SECRET[6:].rstrip("="))

    @pytest.mark.parametrize("secret", ["whsec_", "", "whsec_***"])
    def test_a_secret_that_is_none_is_refused(self, secret: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            standard_key(secret)

    @given(message_id=HEADER, claim=HEADER, timestamp=HEADER)
    def test_no_header_raises_anything_else(self, message_id: str, claim: str, timestamp: str) -> None:
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": claim}

        with pytest.raises(SignatureError):
            finish(signature.standard(headers, [STANDARD_SECRET]), b"{}")

    @given(entries=st.lists(st.sampled_from(["v1,", "v1a,", "v1", ",", "v1,=", "v1,AAAA", "\t", "é"]), max_size=30))
    def test_no_list_of_signatures_raises_anything_else(self, entries: list[str]) -> None:
        headers = {"webhook-id": "m", "webhook-timestamp": "1781773202", "webhook-signature": " ".join(entries)}

        with pytest.raises(SignatureError):
            finish(signature.standard(headers, [STANDARD_SECRET]), b"{}")
