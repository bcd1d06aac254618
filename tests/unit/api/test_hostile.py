"""Whatever a caller of the ticket API sends, it is an answer that the description promises: never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.unit.api.conftest import WRITER, Call
from tests.unit.api.test_openapi import described
from worker.api.routes import ROUTES

POSTS = [route for route in ROUTES if route.body is not None]
PLAIN = {"Authorization": f"Bearer {WRITER}", "Content-Type": "application/json"}
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["requester", "subject", "description", "category", "priority", "channel", "internal", "tags", "fields", "actor",
     "automatic", "reason", "agent", "team", "text", "resolution", "name", "email"]
)  # fmt: skip
documents = st.dictionaries(names | words, values | st.fixed_dictionaries({"name": words, "email": words}), max_size=6)
headers = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "Accept", "X-Odd", "Cookie", "Content-Encoding"]),
    st.binary(max_size=40).map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F).decode("latin-1")),
)


class TestNamed:
    @pytest.mark.parametrize("name", corpus.bodies())
    def test_a_hostile_body_is_refused_in_words(self, name: str, call: Call) -> None:
        answer = call("POST", "/api/tickets", corpus.bodies()[name])

        assert answer.status_code in {400, 413, 422}
        described(answer, "POST", "/api/tickets")

    @pytest.mark.parametrize(
        "said",
        ["\x00", "\ud800", "\u202e", "x" * 10_000, "'; DROP TABLE tickets; --", "%s{{7*7}}", "\U0010ffff"],
        ids=["NUL", "surrogate", "bidi", "long", "SQL", "template", "last"],
    )
    def test_hostile_words_become_harmless_or_are_refused(self, said: str, call: Call) -> None:
        answer = call(
            "POST", "/api/tickets", {"description": said, "requester": {"name": said[:50]}, "tags": [said[:50]]}
        )

        described(answer, "POST", "/api/tickets")
        assert answer.status_code in {201, 400, 422}
        if answer.status_code == 201:
            described(call("GET", f"/api/tickets/{answer.get_json()['id']}"), "GET", "/api/tickets/{id}")

    @pytest.mark.parametrize("blank", ["", " ", "\t"])
    def test_an_empty_key_is_a_mistake_not_the_lack_of_one(self, blank: str, call: Call, ticket: int) -> None:
        answer = call("POST", f"/api/tickets/{ticket}/triage", {"tags": ["a"]}, **{"Idempotency-Key": blank})

        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"

    @pytest.mark.parametrize("number", ["-1", "0", "1" * 30, "t", "٣", "9" * 19, "1.0", "1;2", "%00", "1'--", "t1t"])
    def test_a_hostile_id_names_no_ticket(self, number: str, call: Call) -> None:
        answer = call("GET", f"/api/tickets/{number}")

        assert answer.status_code == 404
        described(answer, "GET", "/api/tickets/{id}")


class TestAny:
    @many
    @given(data=st.data())
    def test_body_and_headers(self, app: Flask, ticket: int, data: Any) -> None:
        route = data.draw(st.sampled_from(POSTS))
        document = data.draw(documents)
        body = data.draw(st.binary(max_size=80) | st.just(json.dumps(document).encode()))
        path = route.path.replace("{id}", f"t{ticket}")

        answer = app.test_client().post(path, data=body, headers=PLAIN | data.draw(headers))

        described(answer, "POST", route.path)

    @many
    @given(query=st.dictionaries(st.sampled_from(["status", "q", "limit", "cursor", "team", "odd"]), words, max_size=3))
    def test_query(self, app: Flask, query: dict[str, str]) -> None:
        pairs = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}

        answer = app.test_client().get("/api/tickets", query_string=pairs, headers=PLAIN)

        described(answer, "GET", "/api/tickets")

    @many
    @given(
        path=st.text(st.characters(codec="utf-8"), max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "HEAD"])
    )
    def test_path(self, app: Flask, path: str, method: str) -> None:
        answer = app.test_client().open(f"/api/{path}", method=method, headers=PLAIN, data=b"{}")

        assert answer.status_code < 500
