"""The frame of the API: who may come in, what is refused, and that nothing bad is ever a 500."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.unit.api.conftest import FORM, LENA, READER, WRITER, Call
from worker.api.app import BODY_BYTES, create_app
from worker.api.routes import ROUTES
from worker.config import Settings
from worker.desk import Desk
from worker.policy_file import load_policy
from worker.store import tickets
from worker.store.database import Database
from worker.wake import RecordingWaker

CLOSED = [route for route in ROUTES if route.scope]
OPEN = [route for route in ROUTES if not route.scope]


class TestAccess:
    @pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
    @pytest.mark.parametrize(
        ("header", "why"),
        [
            (None, "there is no Authorization header"),
            ("", "there is no Authorization header"),
            ("Basic abc", "the Authorization header is not `Bearer <token>`"),
            ("Bearer", "the Authorization header is not `Bearer <token>`"),
            (f"Bearer {WRITER}x", "nobody has this token"),
            ("Bearer \xe9", "nobody has this token"),
        ],
    )
    def test_without_a_token_nobody_comes_in(self, app: Flask, route: Any, header: str | None, why: str) -> None:
        headers = {} if header is None else {"Authorization": header}

        answer = app.test_client().open(route.path.replace("{id}", "1"), method=route.method, headers=headers)

        body = answer.get_json()
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert (body["code"], body["detail"]) == ("unauthorized", why)
        assert "Authorization: Bearer" in body["next"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")

    @pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
    @pytest.mark.parametrize(
        ("token", "scopes"), [(READER, {"read"}), (FORM, {"create"}), (WRITER, {"read", "create", "write"})]
    )
    def test_each_route_needs_its_scope(self, call: Call, route: Any, token: str, scopes: set[str]) -> None:
        answer = call(route.method, route.path.replace("{id}", "99"), token=token)

        assert (answer.status_code == 403) == (route.scope not in scopes)
        if answer.status_code == 403:
            assert f"this needs {route.scope}" in answer.get_json()["detail"]

    @pytest.mark.parametrize("route", OPEN, ids=lambda route: route.name)
    def test_what_tells_nothing_of_anybody_is_open(self, app: Flask, route: Any) -> None:
        assert app.test_client().get(route.path).status_code == 200

    def test_the_scheme_may_be_written_in_any_case(self, app: Flask) -> None:
        answer = app.test_client().get("/api/queue", headers={"Authorization": f"bEARER  {READER}"})

        assert answer.status_code == 200

    def test_without_any_token_configured_everybody_is_refused(self, tmp_path: Path, desk: Desk) -> None:
        bare = Desk(Settings(data_dir=tmp_path), desk.policy, desk.db, desk.wake)

        answer = create_app(bare).test_client().get("/api/queue", headers={"Authorization": "Bearer "})

        assert answer.status_code == 401
        assert answer.get_json()["detail"].startswith("HOOKDESK_API_TOKENS is empty")

    def test_a_token_is_never_logged(
        self, call: Call, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        call("GET", "/api/queue", token=WRITER + "x")
        call("POST", "/api/tickets", {"subject": "x", "requester": LENA})

        logged = "".join((*capsys.readouterr(), caplog.text))  # whether or not another test has set up logging
        assert "api_refused" in logged and "ticket_acted" in logged
        assert WRITER not in logged


BAD_BODIES: tuple[tuple[bytes, int, dict[str, str]], ...] = (
    (b"{", 400, {}),
    (b"[]", 400, {}),
    (b'"x"', 400, {}),
    (b"null", 400, {}),
    (b'{"subject": NaN}', 400, {}),
    (b'{"subject": "a", "subject": "b"}', 400, {}),
    (b'{"requester": {"name": "a", "name": "b"}}', 400, {}),
    (b'{"subject": "\xff"}', 400, {}),
    (b'{"subject": "\\ud800"}', 400, {}),
    (b'{"a": 1' + b"0" * 5000 + b"}", 400, {}),
    (b"[" * 50_000, 400, {}),
    (b"", 422, {"requester": "is missing"}),
    (b"{}", 422, {"requester": "is missing"}),
    (b'{"requester": {}}', 422, {
        "subject": "say what it is about, in a subject or a description",
        "description": "say what it is about, in a subject or a description",
        "requester": "say who asks: a name or an e-mail address",
    }),
    (b'{"requester": {"name": "x"}, "subject": 7, "colour": "red"}', 422, {
        "subject": "expected `str`, got `int`", "colour": "is not known here",
    }),
    (b'{"requester": {"name": 7}, "subject": "x"}', 422, {"requester.name": "expected `str`, got `int`"}),
    (b'{"requester": {"name": "x"}, "subject": "x", "tags": ["a", 1]}', 422, {"tags[1]": "expected `str`, got `int`"}),
    (b'{"requester": {"name": "x"}, "subject": "x", "internal": 1}', 422, {"internal": "expected `bool`, got `int`"}),
    (b'{"requester": {"name": "x"}, "subject": "' + b"y" * 501 + b'"}', 422, {
        "subject": "expected `str` of length <= 500",
    }),
    (b'{"requester": {"name": "\\u0000"}, "subject": "x"}', 422, {
        "requester": "say who asks: a name or an e-mail address",
    }),
    (b'{"requester": {"email": "x"}, "subject": "x"}', 422, {
        "requester.email": "an address like lena@customer.example",
    }),
    (b'{"requester": {"name": "x"}, "subject": "x", "category": "biling", "fields": {"order": 1.5}}', 422, {
        "fields[...]": "expected `bool | int | str`, got `float`",
    }),
    (b'{"requester": {"name": "x"}, "subject": "x", "category": "biling", "fields": {"order": 7}}', 422, {
        "category": "there is no category 'biling'; did you mean billing?",
        "fields.order": "there is no field 'order'; the policy has no [[fields]]",
    }),
)  # fmt: skip


class TestBadInput:
    @pytest.mark.parametrize(("raw", "status", "errors"), BAD_BODIES, ids=lambda value: repr(value)[:40])
    def test_each_mistake_is_named(
        self, call: Call, raw: bytes, status: int, errors: dict[str, str], desk: Desk
    ) -> None:
        answer = call("POST", "/api/tickets", raw)

        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert {one["field"]: one["reason"] for one in answer.get_json().get("errors", [])} == errors
        assert tickets.list_tickets(desk.db) == []

    @pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.name)
    @pytest.mark.parametrize(
        "raw",
        [b"\x00", b"{]", b'{"actor": {}}', b'{"reason": []}', b'{"zzz": 1}', b'{"automatic": 1}', b"\xef\xbb\xbf{}"],
    )
    def test_no_route_fails_on_it(self, call: Call, ticket: int, route: Any, raw: bytes) -> None:
        answer = call(route.method, route.path.replace("{id}", str(ticket)), raw)

        assert answer.status_code in (400, 409, 422)

    @pytest.mark.parametrize("key", ["a b", "\xe9", "x" * 151])
    def test_a_key_is_visible_ascii(self, call: Call, ticket: int, key: str) -> None:
        answer = call("POST", f"/api/tickets/{ticket}/assign", {"agent": "ada"}, key=key)

        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"

    def test_a_body_of_another_kind_is_refused(self, app: Flask) -> None:
        headers = {"Authorization": f"Bearer {WRITER}"}

        answer = app.test_client().post("/api/tickets", data={"subject": "x"}, headers=headers)

        assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")

    def test_a_body_that_is_too_large_is_refused(self, call: Call) -> None:
        answer = call("POST", "/api/tickets", b'{"description": "' + b"x" * BODY_BYTES + b'"}')

        assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")

    def test_a_query_where_there_is_none_is_a_mistake(self, call: Call) -> None:
        assert call("GET", "/api/queue?team=x").status_code == 422

    @pytest.mark.parametrize(
        "path", ["/", "/api", "/api/tickets/", "/api/tickets/1/", "/api//tickets", "/api/tickets/1/delete"]
    )
    def test_an_unknown_path_is_not_found(self, call: Call, path: str) -> None:
        answer = call("GET", path)

        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")

    def test_a_wrong_method_is_told_the_right_ones(self, call: Call) -> None:
        answer = call("DELETE", "/api/tickets/1")

        assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["Allow"]


class TestTrouble:
    def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(self, tmp_path: Path, desk: Desk) -> None:
        away = Database.open(f"sqlite:///{tmp_path}/nowhere/hookdesk.db")
        app = create_app(Desk(desk.settings, load_policy(None), away, RecordingWaker()))
        client, headers = app.test_client(), {"Authorization": f"Bearer {WRITER}"}

        answers = [
            client.get("/api/queue", headers=headers),
            client.post("/api/tickets", json={"subject": "x", "requester": LENA}, headers=headers),
        ]

        for answer in answers:
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert answer.get_json()["code"] == "unavailable"
        assert client.get("/livez").status_code == 200

    def test_a_store_without_tables_is_one_that_is_away(self, call: Call, desk: Desk) -> None:
        with desk.db.write() as conn:
            conn.exec_driver_sql("DROP TABLE events")

        assert call("POST", "/api/tickets", {"subject": "x", "requester": LENA}).status_code == 503

    def test_a_bug_of_ours_tells_nothing_of_itself(self, call: Call, desk: Desk, ticket: int) -> None:
        with desk.db.write() as conn:
            conn.exec_driver_sql("UPDATE tickets SET record = '{\"canary\": 7}'")

        answer = call("GET", f"/api/tickets/{ticket}")

        assert (answer.status_code, answer.get_json()["code"]) == (500, "error")
        assert "canary" not in answer.text and "record" not in answer.text

    def test_answers_are_not_kept_by_anybody(self, call: Call) -> None:
        assert call("GET", "/api/tickets").headers["Cache-Control"] == "no-store"

    def test_its_counts_are_open_to_prometheus(self, app: Flask) -> None:
        assert "hookdesk_sla_breaches_total" in app.test_client().get("/metrics").text
