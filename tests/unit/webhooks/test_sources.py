"""The contract of every source: what is kept, what is refused, and that nothing a stranger sends is a 500."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.unit.webhooks.senders import BEARER, NOW, Sent, seconds, send_from, sender_of
from tests.unit.webhooks.world import World
from webhooks.sources import registry
from webhooks.sources.base import Source
from webhooks.sources.registry import SOURCES, match
from worker.store import rejects

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.name}/{source.endpoint}")


def endless(source: Source, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Make the limit of a source small enough for a test."""
    small = tuple(replace(one, limit_bytes=limit) if one is source else one for one in SOURCES)  # type: ignore[type-var]
    monkeypatch.setattr(registry, "SOURCES", small)


@every_source
class TestEverySource:
    def test_a_valid_request_is_one_row(self, source: Source, world: World) -> None:
        sent = send_from(source, b'{"event":"message_created"}', delivery_id="abc-1")

        answer = world.post(sent)

        (row,) = world.rows()
        assert (answer.status_code, answer.json["status"]) == (200, "accepted")
        assert (row.source, row.endpoint, row.state) == (source.name, source.endpoint, "pending")
        assert (row.delivery_id, row.receipt_id) == ("abc-1", answer.json["receipt"])
        assert world.raw(row).body == b'{"event":"message_created"}'
        assert row.received_at == NOW
        assert world.woken == [[row.id]]

    def test_the_signed_time_is_kept(self, source: Source, world: World) -> None:
        world.post(send_from(source, at=NOW - seconds(7)))

        assert world.rows()[0].sent_at == (NOW - seconds(7) if sender_of(source).is_timed else None)

    def test_the_same_delivery_twice_is_one_piece_of_work(self, source: Source, world: World) -> None:
        first, second = world.post(send_from(source)), world.post(send_from(source))

        one, two = world.rows()
        assert (first.status_code, second.status_code) == (200, 200)
        assert (second.json["status"], two.duplicate_of, two.outcome) == ("duplicate", one.id, "duplicate")
        assert world.woken == [[one.id]]

    def test_the_same_id_with_another_body_is_another_delivery(self, source: Source, world: World) -> None:
        world.post(send_from(source, b'{"n":1}', delivery_id="same"))
        world.post(send_from(source, b'{"n":2}', delivery_id="same"))

        assert [row.duplicate_of for row in world.rows()] == [None, None]

    def test_another_secret_is_refused_with_a_code_that_is_retried(self, source: Source, world: World) -> None:
        answer = world.post(send_from(source, secret=sender_of(source).other_secret))

        assert answer.status_code == source.answers.refused == 401
        assert world.rows() == []

    def test_a_changed_body_is_refused_where_the_body_is_signed(self, source: Source, world: World) -> None:
        sent = send_from(source)

        answer = world.post(replace(sent, body=sent.body + b" "))

        assert answer.status_code == (401 if sender_of(source).is_timed else 200)

    def test_a_missing_or_malformed_proof_is_the_same_refusal(self, source: Source, world: World) -> None:
        proof = sender_of(source).proof
        if proof is None:
            bad = [replace(send_from(source), path="/webhooks/chatwoot/%00%ff"), send_from(source, secret="é")]
        else:
            values = (None, "", "garbage", "v1,", "sha256=", "sha256=zz", "v1,a,b", "\x7f", "é" * 100, "a" * 5000)
            bad = [send_from(source).but(**{proof.replace("-", "_"): value}) for value in values]

        answers = [world.post(sent) for sent in bad]

        assert {(answer.status_code, answer.get_data()) for answer in answers} == {(401, b'{"status":"rejected"}\n')}

    def test_without_a_configured_secret_everything_is_refused(
        self, source: Source, open_world: Callable[..., World]
    ) -> None:
        setting = sender_of(source).setting
        world = open_world(**{setting: None if setting == "chatwoot_url_token" else ()})

        assert world.post(send_from(source)).status_code == 401

    def test_old_and_new_secret_both_work_during_a_rotation(
        self, source: Source, open_world: Callable[..., World]
    ) -> None:
        sender = sender_of(source)
        if sender.setting == "chatwoot_url_token":  # one token: a rotation means a second webhook in Chatwoot
            return
        world = open_world(**{sender.setting: (sender.other_secret, sender.secret)})

        assert world.post(send_from(source, b"1")).status_code == 200
        assert world.post(send_from(source, b"2", secret=sender.other_secret)).status_code == 200

    @pytest.mark.parametrize("age", [-3600, 3600])
    def test_a_stale_one_is_kept_dead_or_refused_as_its_table_says(
        self, source: Source, age: int, world: World
    ) -> None:
        if not sender_of(source).is_timed:
            return

        answer = world.post(send_from(source, at=NOW - seconds(age)))

        assert answer.status_code == source.answers.stale
        if source.answers.stale == 200:
            (row,) = world.rows()
            assert (row.state, row.cause, answer.json["status"]) == ("dead", "stale_timestamp", "stale_timestamp")
            assert world.raw(row).body == b'{"event":"x"}'
            assert world.woken == []

    def test_the_same_signed_in_time_is_no_duplicate_of_a_stale_one(self, source: Source, world: World) -> None:
        if not sender_of(source).is_timed or source.answers.stale != 200:
            return

        said = [world.post(send_from(source, at=at)).json for at in (NOW - seconds(3600), NOW - seconds(3600), NOW)]

        assert [one["status"] for one in said] == ["stale_timestamp", "stale_timestamp", "accepted"]
        stale, again, fresh = world.rows()
        assert (again.duplicate_of, fresh.duplicate_of, fresh.state) == (stale.id, None, "pending")
        assert world.woken == [[fresh.id]]

    def test_too_large_but_authentic_is_kept_truncated(
        self, source: Source, open_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endless(source, monkeypatch, 1000)
        world = open_world()
        body = bytes(range(256)) * 4

        answer = world.post(send_from(source, body, delivery_id="big"))

        (row,) = world.rows()
        raw = world.raw(row)
        assert (answer.status_code, answer.json["status"]) == (200, "too_large")
        assert (row.state, row.cause, raw.truncated, raw.body) == ("dead", "too_large", True, body[:1000])
        assert row.dedupe_key.endswith(hashlib.sha256(body).hexdigest())

    def test_too_large_and_forged_is_refused(
        self, source: Source, open_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endless(source, monkeypatch, 1000)
        world = open_world()

        answer = world.post(send_from(source, b"x" * 5000, secret=sender_of(source).other_secret))

        assert answer.status_code == 401
        assert world.rows() == []

    @pytest.mark.parametrize("body", [b"", b"\x00\xff", b"[" * 10_000, b'{"event":"never heard of"}', b"not json"])
    def test_what_the_body_says_does_not_matter_here(self, source: Source, body: bytes, world: World) -> None:
        answer = world.post(send_from(source, body).but(content_type="application/x-nonsense; charset=?"))

        assert answer.status_code == 200
        assert world.raw(world.rows()[0]).body == body

    @pytest.mark.parametrize("delivery_id", ["x" * 201, "a\tb", "é", "a" * 3000, "voilà", "à 5 Å"])
    def test_an_odd_delivery_id_becomes_its_hash(self, source: Source, delivery_id: str, world: World) -> None:
        name = "x_chatwoot_delivery" if source.name == "chatwoot" else "webhook_id"
        sent = send_from(source, delivery_id=delivery_id).but(**{name: delivery_id.encode().decode("latin-1")})

        answer = world.post(sent)

        assert answer.status_code == 200
        assert world.rows()[0].delivery_id.startswith("sha256-")

    def test_only_post_is_allowed_and_nothing_redirects(self, source: Source, world: World) -> None:
        sent = send_from(source)
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
            answer = world.client.open(sent.path, method=method)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        for path in (sent.path + "/", "/" + sent.path, sent.path.replace("/webhooks", "/webhooks/")):
            assert world.client.post(path, data=sent.body, headers=dict(sent.headers)).status_code in {401, 404}

    def test_a_refused_request_is_kept_for_verify(self, source: Source, world: World) -> None:
        sent = send_from(source, b"x" * 100_000, secret=sender_of(source).other_secret).but(cookie="c", user_agent="ua")

        world.post(sent)
        world.keeper.flush()

        (kept,) = rejects.latest(world.db)
        assert (kept.source, kept.endpoint, kept.reason) == (source.name, source.endpoint, "mismatch")
        assert (len(kept.body), kept.headers["cookie"], kept.headers["user-agent"]) == (65_536, "[redacted]", "ua")

    def test_its_table_of_answers_can_lose_nothing(self, source: Source) -> None:
        assert source.answers.faults(sender_retries=source.sender_retries) == ()
        assert source.limit_bytes == {"chatwoot": 16, "email": 40, "form": 1}[source.name] * 1024 * 1024

    def test_its_path_is_found_without_flask(self, source: Source) -> None:
        path = source.path.replace("<token>", "a-token")

        assert match(path) == (source, "a-token" if "<token>" in source.path else None)

    @given(data=st.data())
    @hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_header_makes_it_fail(self, source: Source, world: World, data: Any) -> None:
        names = ("x-chatwoot-signature", "x-chatwoot-timestamp", "x-chatwoot-delivery", "webhook-id",
                 "webhook-timestamp", "webhook-signature", "authorization", "content-type", "content-length",
                 "transfer-encoding", "cookie", "x-forwarded-for")  # fmt: skip
        value = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)
        headers = data.draw(st.dictionaries(st.sampled_from(names), value, max_size=8))

        answer = world.post(Sent(send_from(source).path, b"{}", {**headers}))

        assert answer.status_code in {200, 401}


class TestEmailGeneric:
    def test_a_bearer_token_will_do_for_those_who_cannot_sign(self, world: World) -> None:
        answer = world.post(Sent("/webhooks/email/generic", b'{"id":"1"}', {"Authorization": f"bearer  {BEARER} "}))

        (row,) = world.rows()
        assert (answer.status_code, row.delivery_id, row.sent_at) == (200, None, None)
        assert world.raw(row).headers["authorization"] == "[redacted]"

    @pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer wrong", "Basic " + BEARER, BEARER, "Bearer é"])
    def test_a_wrong_token_will_not(self, value: str, world: World) -> None:
        assert world.post(Sent("/webhooks/email/generic", b"{}", {"Authorization": value})).status_code == 401

    def test_a_bad_signature_is_not_saved_by_a_good_token(self, world: World) -> None:
        headers = {"Authorization": f"Bearer {BEARER}", "webhook-signature": "v1,AAAA"}

        assert world.post(Sent("/webhooks/email/generic", b"{}", headers)).status_code == 401
