"""The form's door: incomplete forms are kept, unless the sender asked to be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.webhooks.senders import BEARER, NOW, OTHER_STANDARD_SECRET, Sent, seconds, send_from
from tests.unit.webhooks.world import World
from webhooks.sources.form import Form
from worker.store import rejects

FIXTURE = Path(__file__).parents[2] / "fixtures" / "email" / "webform_signed.json"
FORM = Form()
INCOMPLETE = b"name=Zoe&message=+%0D%0A&email=at+home"


def strict(sent: Sent, value: str = "handling=strict") -> Sent:
    return sent.but(prefer=value)


class TestForm:
    def test_the_fixture_is_accepted(self, world: World) -> None:
        sample = json.loads(FIXTURE.read_text("utf-8"))
        world.clock.advance(sample["now"] - NOW.timestamp())
        headers = {**sample["headers"], "Content-Type": sample["content_type"]}

        answer = world.post(Sent("/webhooks/form", sample["body"].encode(), headers))

        (row,) = world.rows()
        assert answer.status_code == 200
        assert (row.source, row.delivery_id, row.state) == ("form", "msg_form0001", "pending")

    def test_a_token_is_no_signature(self, world: World) -> None:
        sent = Sent("/webhooks/form", b"message=Hi", {"Authorization": f"Bearer {BEARER}"})

        assert world.post(sent).status_code == 401

    @pytest.mark.parametrize("prefer", [None, "handling=lenient", "respond-async", "handling=strictly"])
    def test_an_incomplete_form_is_kept(self, prefer: str | None, world: World) -> None:
        answer = world.post(send_from(FORM, INCOMPLETE).but(prefer=prefer))

        assert (answer.status_code, world.raw(world.rows()[0]).body) == (200, INCOMPLETE)


class TestStrict:
    @pytest.mark.parametrize(
        "prefer", ["handling=strict", 'respond-async, Handling = "strict"; x=1', "wait=5;handling=strict"]
    )
    def test_who_asks_is_told_which_fields_are_missing(self, prefer: str, world: World) -> None:
        answer = world.post(strict(send_from(FORM, INCOMPLETE), prefer))
        world.keeper.flush()

        assert (answer.status_code, answer.json) == (422, {"status": "rejected", "fields": ["email", "message"]})
        assert world.rows() == []
        (kept,) = rejects.latest(world.db)
        assert (kept.reason, kept.body) == ("missing_fields", INCOMPLETE)

    @pytest.mark.parametrize(
        "body",
        [
            b"email=zoe%40x.example&message=Hi",
            b'{"data":{"Email":"zoe@x.example","message":"Hi"}}',
            b"website=http%3A%2F%2Fspam.example",  # a machine is not told what to mend
            b'{"message": 7}',  # no form: a dead letter shows it better
            b"x" * (FORM.limit_bytes + 1),
        ],
    )
    def test_everything_else_is_kept(self, body: bytes, world: World) -> None:
        assert world.post(strict(send_from(FORM, body))).status_code == 200
        assert len(world.rows()) == 1

    def test_a_stranger_learns_nothing(self, world: World) -> None:
        answer = world.post(strict(send_from(FORM, INCOMPLETE, secret=OTHER_STANDARD_SECRET)))

        assert (answer.status_code, answer.json) == (401, {"status": "rejected"})

    def test_a_late_one_is_kept_dead(self, world: World) -> None:
        world.post(strict(send_from(FORM, INCOMPLETE, at=NOW - seconds(3600))))

        assert world.rows()[0].cause == "stale_timestamp"
