"""The front and the Flask view are two ways into one room: whatever comes, both answer the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from tests.unit.webhooks.asgi import every_source, run
from tests.unit.webhooks.senders import NOW, send_from, sender_of
from tests.unit.webhooks.world import World


class TestParity:
    @every_source
    @pytest.mark.parametrize("case", ["valid", "again", "wrong", "stale", "large", "full"])
    def test_both_answer_the_same(self, source: Any, case: str, open_world: Callable[..., World]) -> None:
        world = open_world(in_flight_bytes=10)
        sent = send_from(source, b"x" * (source.limit_bytes + 1 if case == "large" else 10), **self.GIVEN.get(case, {}))
        if case == "wrong":
            sent = send_from(source, secret=sender_of(source).other_secret)
        if case == "again":
            world.post(sent)
        if case == "full":
            world.acceptor._in_flight = 1

        status, front = run(world, lambda caller: caller.post(sent))
        flask = world.post(sent)

        assert (flask.status_code, words(flask.text)) == (status, words(front["body"]))
        assert {name: front[name] for name in front if name not in self.OWN} == {
            name.lower(): value for name, value in flask.headers.items() if name.lower() not in self.OWN
        }

    GIVEN: ClassVar[dict[str, Any]] = {"stale": {"at": NOW - timedelta(hours=1)}}
    OWN: ClassVar[set[str]] = {"body", "server", "content-length"}


def words(body: str) -> dict[str, Any]:
    """An answer without what differs each time; the first of two equal requests is accepted, the second is not."""
    told = json.loads(body)
    told.pop("receipt", None)
    return {**told, "status": told["status"].replace("duplicate", "accepted")}
