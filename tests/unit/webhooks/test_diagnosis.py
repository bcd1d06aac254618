"""`diagnose` says what the bytes can prove, and nothing more."""

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
from webhooks.diagnosis import diagnose
from worker.signing import chatwoot_headers, standard_headers

VECTORS = json.loads((Path(__file__).parents[2] / "fixtures" / "chatwoot" / "vectors.json").read_text())["vectors"]
BY_NAME = {vector["name"]: vector for vector in VECTORS}
WINDOW = timedelta(seconds=300)
SIGNED = chatwoot_headers(CHATWOOT_SECRET, b'{"a":1}', timestamp=int(NOW.timestamp()), delivery_id="1")


def of_vector(vector: dict[str, Any], *secrets: str) -> str:
    now = datetime.fromtimestamp(int(vector["timestamp"]), UTC)
    body = base64.b64decode(vector["raw_body_base64"])
    return diagnose(vector["headers"], body, secrets or (vector["secret"],), now=now, tolerance=WINDOW).reason


class TestDiagnose:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("account_webhook_message_created", "ok"),
            ("bad_wrong_secret", "wrong_secret"),
            ("bad_tampered_body", "wrong_secret"),  # which of the two cannot be told from one request
            ("bad_timestamp_replaced", "wrong_secret"),
            ("bad_no_prefix", "no_prefix"),
            ("bad_body_only_hmac", "body_only"),
            ("bad_reserialised_body", "changed_body"),
            ("bad_signature_missing", "missing_header"),
            ("bad_timestamp_missing", "missing_header"),
            ("bad_empty_body", "changed_body"),
        ],
    )
    def test_it_knows_the_usual_mistakes(self, name: str, reason: str) -> None:
        assert of_vector(BY_NAME[name]) == reason

    @pytest.mark.parametrize(
        ("headers", "body", "secrets", "reason"),
        [
            (SIGNED, b'{"a":1}', (), "no_secret"),
            (SIGNED, b'{"a":1}\n', (CHATWOOT_SECRET,), "changed_body"),
            (SIGNED, b'{"a": 1}', (CHATWOOT_SECRET,), "changed_body"),
            (SIGNED, b'{"a":1}', (f'"{CHATWOOT_SECRET}"',), "wrong_secret"),
            ({**SIGNED, "X-Chatwoot-Signature": "sha256=12"}, b'{"a":1}', (CHATWOOT_SECRET,), "malformed"),
            ({}, b"", (CHATWOOT_SECRET,), "missing_header"),
        ],
    )
    def test_it_knows_the_rarer_ones(
        self, headers: dict[str, str], body: bytes, secrets: tuple[str, ...], reason: str
    ) -> None:
        assert diagnose(headers, body, secrets, now=NOW, tolerance=WINDOW).reason == reason

    def test_quotes_around_the_secret_are_named(self) -> None:
        found = diagnose(SIGNED, b'{"a":1}', (f" {CHATWOOT_SECRET}",), now=NOW, tolerance=WINDOW)

        assert "spaces or quotes" in found.explanation

    @pytest.mark.parametrize(("age", "side"), [(3600, "older than"), (-3600, "ahead of")])
    def test_a_stale_one_says_by_how_much_and_on_which_side(self, age: int, side: str) -> None:
        found = diagnose(SIGNED, b'{"a":1}', (CHATWOOT_SECRET,), now=NOW + seconds(age), tolerance=WINDOW)

        assert found.reason == "stale"
        assert f"1:00:00 {side} our clock" in found.explanation

    def test_it_speaks_standard_webhooks(self) -> None:
        headers = standard_headers(STANDARD_SECRET, b"{}", message_id="m", timestamp=int(NOW.timestamp()))

        assert diagnose(headers, b"{}", (STANDARD_SECRET,), now=NOW, tolerance=WINDOW).is_ok
        assert diagnose(headers, b"{ }", (STANDARD_SECRET,), now=NOW, tolerance=WINDOW).reason == "changed_body"
        assert diagnose(headers, b"[]", (STANDARD_SECRET,), now=NOW, tolerance=WINDOW).reason == "wrong_secret"

    @given(
        headers=st.dictionaries(
            st.sampled_from(["X-Chatwoot-Signature", "x-chatwoot-timestamp", "webhook-id", "webhook-signature"]),
            st.one_of(st.text(max_size=40), st.just("sha256=" + "a" * 64), st.just("1781773202"), st.just("v1,AAAA")),
        ),
        body=st.one_of(st.binary(max_size=40), st.just(b"[" * 100_000), st.just(b'"\\ud800"')),
    )
    def test_it_never_raises(self, headers: dict[str, str], body: bytes) -> None:
        found = diagnose(headers, body, (CHATWOOT_SECRET,), now=NOW, tolerance=WINDOW)

        assert found.reason
        assert found.explanation
        assert found.remedy
