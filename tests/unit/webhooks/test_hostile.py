"""Any request at all to the front: an answer below 500, and nothing in the inbox that nobody signed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.asgi import Request, ask
from tests.unit.webhooks.asgi import run
from tests.unit.webhooks.senders import send_from
from tests.unit.webhooks.world import World
from webhooks.sources.base import Source
from webhooks.sources.registry import SOURCES

many = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.name}/{source.endpoint}")
PATHS = st.sampled_from([*(source.path for source in SOURCES), "/survey/x", "/livez", "/readyz", "/openapi.json"])
NAMES = st.sampled_from(
    ["x-chatwoot-signature", "x-chatwoot-timestamp", "webhook-signature", "webhook-id", "webhook-timestamp", "prefer",
     "authorization", "content-type", "content-length", "transfer-encoding", "cookie", "host", "accept-language"]
)  # fmt: skip
VALUES = st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F))
FIELDS = st.lists(st.tuples(NAMES.map(str.encode), VALUES), max_size=8)
BODIES = st.lists(st.binary(max_size=50), max_size=4).map(tuple)


def answered(world: World, request: Request) -> tuple[int, bytes]:
    told: tuple[int, bytes] = run(world, lambda caller: ask(caller.front, request), threads=1)
    return told


class TestAny:
    @many
    @given(
        method=st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "PUT", "TRACE", "post", "ODD"]),
        path=PATHS | st.text(max_size=30).map("/{}".format),
        fields=FIELDS,
        body=BODIES,
        is_whole=st.booleans(),
    )
    def test_no_request_breaks_it(
        self, world: World, method: str, path: str, fields: Any, body: Any, is_whole: bool
    ) -> None:
        status, _ = answered(world, Request(method, path, fields, body, is_whole=is_whole))

        assert status < 500
        assert world.rows() == []

    @every_source
    @many
    @given(extra=FIELDS, body=BODIES)
    def test_whatever_else_it_carries_a_signed_one_is_kept(
        self, source: Source, world: World, extra: Any, body: Any
    ) -> None:
        sent = send_from(source, b"".join(body))
        proofs = {name.lower().encode() for name in sent.headers} | {b"prefer"}
        fields = [(name.lower().encode(), value.encode()) for name, value in sent.headers.items()]
        fields += [field for field in extra if field[0] not in proofs]
        before = len(world.rows())

        status, _ = answered(world, Request("POST", sent.path, fields, body))

        assert (status, len(world.rows())) == (200, before + 1)


class TestNamed:
    @every_source
    @pytest.mark.parametrize("name", corpus.HEADERS)
    def test_odd_headers_beside_the_signature(self, name: str, source: Source, world: World) -> None:
        sent = send_from(source, name.encode())
        fields = [(key.lower().encode(), value.encode()) for key, value in sent.headers.items()]
        odd = [field for field in corpus.HEADERS[name] if field[0] not in dict(fields)]

        status, _ = answered(world, Request("POST", sent.path, [*fields, *odd], (sent.body,)))

        assert status == 200
        assert world.raw(world.rows()[0]).body == sent.body
