"""The door's description is valid, has exactly the routes there are, and real answers follow it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from tests.unit.webhooks.senders import NOW, seconds, send_from, sender_of
from tests.unit.webhooks.surveying import address
from tests.unit.webhooks.world import World
from webhooks.openapi import document
from webhooks.sources.base import Source
from webhooks.sources.registry import SOURCES

FORMAT = FormatChecker()
every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.name}/{source.endpoint}")


def described(answer: TestResponse, method: str, path: str) -> None:
    """Fails unless the answer is one that the description promises for this operation."""
    said = json.loads(json.dumps(document()))
    responses = said["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{method} {path} does not promise {answer.status_code}"
    promised = responses[str(answer.status_code)]
    assert answer.mimetype in promised["content"]
    assert all(name in answer.headers for name in promised.get("headers", {}))
    if answer.mimetype == "application/json":
        schema = {**promised["content"]["application/json"]["schema"], "components": said["components"]}
        Draft202012Validator(schema, format_checker=FORMAT).validate(answer.get_json())


class TestDocument:
    def test_it_is_valid(self) -> None:
        assert list(OpenAPIV31SpecValidator(json.loads(json.dumps(document()))).iter_errors()) == []

    def test_it_has_exactly_the_routes_there_are(self, world: World) -> None:
        served = {
            (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
            for rule in world.app.url_map.iter_rules()
            for method in rule.methods or ()
            if method not in {"HEAD", "OPTIONS"}
        }
        told = {
            (method, path) for path, item in document()["paths"].items() for method in item if method != "parameters"
        }

        assert told == served

    def test_it_is_served(self, world: World) -> None:
        answer = world.client.get("/openapi.json")

        assert answer.get_json() == json.loads(json.dumps(document()))
        described(answer, "get", "/openapi.json")

    def test_names_of_operations_are_unique(self) -> None:
        names = re.findall(r'"operationId": "(\w+)"', json.dumps(document()))

        assert len(names) == len(set(names)) == len(SOURCES) + 5

    @every_source
    def test_every_answer_of_the_table_is_told(self, source: Source) -> None:
        told = document()["paths"][source.path.replace("<token>", "{token}")]["post"]["responses"]
        table = source.answers

        statuses = {table.accepted, table.refused, table.stale, table.too_large, table.overload, table.incomplete}
        assert {str(status) for status in statuses if status is not None} <= set(told)

    @every_source
    def test_its_proofs_and_headers_are_those_it_reads(self, source: Source) -> None:
        operation = document()["paths"][source.path.replace("<token>", "{token}")]["post"]
        headers = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
        proof = sender_of(source).proof

        assert proof is None or proof in headers
        assert bool(operation["security"]) == (proof is not None)


class TestAnswers:
    @every_source
    def test_of_the_sources(self, source: Source, world: World) -> None:
        path = source.path.replace("<token>", "{token}")
        good = send_from(source)
        other = send_from(source, b"2", secret=sender_of(source).other_secret)
        late = send_from(source, b"3", at=NOW - seconds(3600))

        answers: list[Any] = [world.post(sent) for sent in (good, good, other, late)]
        world.health.lost("test")
        answers.append(world.post(send_from(source, b"4")))
        world.spool._max_bytes = 0
        answers.append(world.post(send_from(source, b"5")))

        for answer in answers:
            described(answer, "post", path)
        assert [answer.status_code for answer in answers[4:]] == [200, 503]

    def test_of_a_strict_form(self, world: World) -> None:
        source = next(one for one in SOURCES if one.name == "form")
        answer = world.post(send_from(source, b"{}").but(prefer="handling=strict"))

        assert answer.status_code == source.answers.incomplete == 422
        described(answer, "post", "/webhooks/form")

    def test_of_the_pages(self, world: World) -> None:
        link = address()
        for path, status in ((link, 200), ("/survey/forged", 404)):
            answer = world.client.get(path)
            assert answer.status_code == status
            described(answer, "get", "/survey/{token}")
        described(world.client.post(link, data={"rating": "9"}), "post", "/survey/{token}")
        described(world.client.post(link, data="x" * 70_000, content_type="application/x-www-form-urlencoded"),
                  "post", "/survey/{token}")  # fmt: skip
        described(world.client.get("/livez"), "get", "/livez")
        described(world.client.get("/readyz"), "get", "/readyz")
        world.health.lost("test")
        world.spool._max_bytes = 0
        answer = world.client.get("/readyz")
        assert answer.status_code == 503
        described(answer, "get", "/readyz")
