"""The ticket API behind its front: whole requests only, and problem documents for all others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response

from tests.unit.api.conftest import WRITER
from tests.unit.api.test_openapi import described
from tests.unit.webhooks.asgi import DISCONNECT, Caller, chunk, run_on
from tests.unit.webhooks.senders import Sent
from worker.api.app import BODY_BYTES
from worker.api.serve import Api, front_of
from worker.desk import Desk
from worker.store.tickets import list_tickets

PATH = "/api/tickets"
ALLOWED = {"Authorization": f"Bearer {WRITER}", "Content-Type": "application/json"}
TICKET = b'{"requester":{"name":"Lena"},"description":"Where is my parcel?"}'
OWN = {"body", "server", "content-length"}


@pytest.fixture
def api(desk: Desk, app: Flask) -> Iterator[Api]:
    yield Api(desk, app, threads=1)


def ask(api: Api, *messages: dict[str, Any], method: str = "POST", path: str = PATH, **given: Any) -> Response:
    """One request, its body in these messages, and its answer as Flask would show it."""

    async def scenario(caller: Caller) -> Any:
        return await caller.post(Sent(path, b"", ALLOWED), *messages, method=method)

    status, headers = run_on(front_of(lambda: api, **given), scenario)
    return Response(headers["body"], status, {name: headers[name] for name in headers if name not in OWN})


class TestWhole:
    def test_a_body_in_pieces_opens_a_ticket(self, api: Api) -> None:
        answer = ask(api, chunk(TICKET[:10], more=True), chunk(TICKET[10:], more=True), chunk(b""))

        assert (answer.status_code, answer.headers["Location"]) == (201, f"{PATH}/1")
        described(answer, "POST", PATH)

    def test_the_desk_is_closed_at_the_end(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        closed: list[Desk] = []
        monkeypatch.setattr(Desk, "close", lambda self: closed.append(self))

        ask(api, chunk(b""), method="GET")

        assert closed == [api.desk]


class TestNotWhole:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        ("status", "code", "messages"),
        [
            (400, "incomplete", [chunk(TICKET, more=True), DISCONNECT]),
            (408, "too_slow", [chunk(TICKET, more=True)]),
            (413, "too_large", [chunk(b" " * BODY_BYTES, more=True), chunk(b" ", more=True)]),
            (503, "overloaded", [chunk(b" " * 70_000, more=True)]),
        ],
    )
    def test_it_is_told_so_and_nothing_is_done(
        self, status: int, code: str, messages: list[dict[str, Any]], method: str, api: Api
    ) -> None:
        room = {"buffer_bytes": 64 << 20} if code == "overloaded" else {}

        answer = ask(api, *messages, method=method, body_seconds=0.05, **room)

        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert (answer.headers["Connection"], answer.headers["Cache-Control"]) == ("close", "no-store")
        assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)
        described(answer, method, PATH)
        assert list_tickets(api.desk.db) == []

    def test_the_front_and_flask_refuse_a_long_body_alike(self, api: Api) -> None:
        front = ask(api, chunk(b" " * (BODY_BYTES + 1)))
        flask = api.app.test_client().post(PATH, data=b" " * (BODY_BYTES + 1), headers=ALLOWED)

        assert front.get_json() == flask.get_json()
        for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options"):
            assert front.headers[name] == flask.headers[name]


class TestTooSlow:
    def test_an_answer_that_takes_too_long_is_a_503(self, api: Api) -> None:
        gate = threading.Event()
        api.app.add_url_rule("/stuck", view_func=lambda: str(gate.wait(10)))

        async def scenario(caller: Caller) -> Any:
            answer = await caller.post(Sent("/stuck", b""), method="GET")
            gate.set()
            return answer

        status, headers = run_on(front_of(lambda: api, answer_seconds=0.05), scenario)

        assert (status, headers["retry-after"]) == (503, "2")
        assert '"overloaded"' in headers["body"]
