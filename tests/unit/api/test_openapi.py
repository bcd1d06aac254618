"""The description is valid OpenAPI, has exactly the routes there are, and real answers follow it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.wrappers import Response

from tests.unit.api.conftest import FORM, LENA, Call
from worker.api.openapi import document
from worker.api.problems import CODES
from worker.api.routes import ROUTES

NOT_OF_THE_API = {("GET", "/metrics")}


def described(answer: Response, method: str, path: str) -> None:
    """Fails unless the answer is one that the description promises for this operation."""
    said = json.loads(json.dumps(document()))
    responses = said["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, f"{method} {path} does not promise {answer.status_code}"
    content = responses[str(answer.status_code)]["content"]
    assert answer.mimetype in content
    schema = {**content[answer.mimetype]["schema"], "components": said["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.get_json())


class TestDocument:
    def test_it_is_valid(self) -> None:
        mistakes = list(OpenAPIV31SpecValidator(json.loads(json.dumps(document()))).iter_errors())

        assert mistakes == []

    def test_it_has_exactly_the_routes_there_are(self, app: Flask) -> None:
        served = {
            (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
            if method not in {"HEAD", "OPTIONS"}
        }
        told = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}

        assert told == served - NOT_OF_THE_API
        assert len(ROUTES) == len(told)

    def test_it_is_served(self, app: Flask) -> None:
        answer = app.test_client().get("/api/openapi.json")

        assert answer.get_json() == json.loads(json.dumps(document()))

    def test_every_schema_is_used(self) -> None:
        text = json.dumps(document())

        for name in document()["components"]["schemas"]:
            assert f'"#/components/schemas/{name}"' in text, name

    def test_names_of_operations_are_unique(self) -> None:
        assert len({route.name for route in ROUTES}) == len(ROUTES)

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_bodies_take_no_unknown_names(self, route: Any) -> None:
        if route.body is not None:
            assert document()["components"]["schemas"][route.body.__name__]["additionalProperties"] is False

    def test_the_scope_of_each_is_told(self) -> None:
        paths = document()["paths"]

        assert paths["/api/tickets"]["post"]["security"] == [{"token": ["create"]}]
        assert paths["/api/tickets"]["get"]["security"] == [{"token": ["read"]}]
        assert paths["/livez"]["get"]["security"] == []


class TestAnswers:
    def test_of_a_whole_life(self, call: Call) -> None:
        said = {"description": "I want a refund", "requester": LENA, "priority": "high"}
        create = call("POST", "/api/tickets", said, key="k")
        described(create, "POST", "/api/tickets")
        described(call("POST", "/api/tickets", said, key="k"), "POST", "/api/tickets")
        number = create.get_json()["id"]
        statuses = []
        for verb, body in (
            ("triage", {"tags": ["a"]}), ("assign", {"agent": "1", "team": "10"}), ("escalate", {"reason": "x"}),
            ("reply", {"text": "x"}), ("resolve", {"resolution": "x"}), ("close", {"automatic": True}), ("reopen", {}),
            ("resolve", {}), ("close", {}),
        ):  # fmt: skip
            answer = call("POST", f"/api/tickets/{number}/{verb}", body)
            described(answer, "POST", f"/api/tickets/{{id}}/{verb}")
            statuses.append((answer.status_code, answer.get_json()["status"]))
        described(call("GET", f"/api/tickets/{number}"), "GET", "/api/tickets/{id}")
        described(call("GET", "/api/tickets?limit=1"), "GET", "/api/tickets")
        described(call("GET", "/api/queue"), "GET", "/api/queue")
        described(call("GET", "/livez"), "GET", "/livez")
        assert statuses == [
            (200, "triaged"), (200, "in_progress"), (200, "in_progress"), (200, "pending_customer"), (200, "resolved"),
            (202, "resolved"), (200, "in_progress"), (200, "resolved"), (409, 409),  # it does not say what was done
        ]  # fmt: skip
        described(call("GET", "/api/openapi.json"), "GET", "/api/openapi.json")

    def test_of_the_refusals(self, call: Call, ticket: int) -> None:
        path, template = f"/api/tickets/{ticket}/close", "/api/tickets/{id}/close"
        found = {
            400: call("POST", path, b"{"),
            401: call("POST", path, {}, token="x"),
            403: call("POST", path, {}, token=FORM),
            404: call("POST", "/api/tickets/99/close", {}),
            409: call("POST", path, {}),
            413: call("POST", path, b" " * 200_000),
            422: call("POST", path, {"zzz": 1}),
        }

        for status, answer in found.items():
            assert answer.status_code == status
            described(answer, "POST", template)
        described(call("GET", "/api/tickets?limit=x"), "GET", "/api/tickets")

    def test_every_problem_has_its_own_type_status_and_next_step(self) -> None:
        assert len(set(CODES)) == len(CODES) == 18
