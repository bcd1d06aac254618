"""Whatever proves who somebody is gets compared in constant time: seen at the comparison, and read in the code."""

from __future__ import annotations

import ast
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.guards.repository import CODE, modules, named
from tests.receiving import SECRET
from webhooks import signature
from webhooks.signature import SignatureError
from webhooks.sources.base import is_one_of
from worker import api_tokens, survey_token
from worker.api_tokens import ApiToken
from worker.signing import chatwoot_headers, standard_headers

PROOF = re.compile(r"(^|_)(token|secret|signature|digest|mac|password|bearer|seal)$")
CONTENT = {
    "worker/acting.py": "the digest of a request's content behind an idempotency key",
    "webhooks/sources/registry.py": "whether there is anything behind the fixed part of a path",
    "worker/store/approvals.py": "the digest of a template",
}
"""Digests and tokens that prove nothing: equal content is all they say."""
NOW = datetime(2026, 6, 18, tzinfo=UTC)
GIVEN = ("wrong", "", "w" * 500, "ключ-秘密-é", "right-but-longer-than-it-is")


def proofs(node: ast.AST) -> set[str]:
    """The names in one side of a comparison that sound like a proof."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if PROOF.search(name):
            return {name}
        case ast.Call(func=func):
            return proofs(func) | ({"digest"} if "digest" in ast.unparse(func) else set())
    return set()


def plain_comparisons(source: str) -> list[str]:
    """`==`, `!=` and membership of such a value; comparing with a constant decides nothing about a secret."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        is_plain = any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops)
        is_with_constant = any(isinstance(side, ast.Constant) for side in sides)
        if is_plain and not is_with_constant and any(map(proofs, sides)):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", modules(*CODE), ids=named)
def test_no_proof_is_compared_plainly(path: Path) -> None:
    if named(path) in CONTENT or "practice" in path.parts:
        return

    assert plain_comparisons(path.read_text("utf-8")) == []


@pytest.mark.parametrize("line", [
    "given == token", "self.secret != other", "token in tokens", "hmac.new(a, b).digest() == x", "x == mac.hexdigest()",
])  # fmt: skip
def test_the_guard_would_see(line: str) -> None:
    assert plain_comparisons(line) != []


def by_chatwoot(given: str) -> bool:
    headers = {k.lower(): v for k, v in chatwoot_headers("right", b"{}", timestamp=1, delivery_id="d").items()}
    headers["x-chatwoot-signature"] = "sha256=" + ("0" * 64 if given == "wrong" else given)
    return _holds(lambda: signature.chatwoot(headers, ["right", "other"]))


def by_standard(given: str) -> bool:
    headers = dict(standard_headers(SECRET, b"{}", message_id="m", timestamp=1))
    headers["webhook-signature"] = f"v1,{given}"
    return _holds(lambda: signature.standard(headers, [SECRET]))


def _holds(opened: Callable[[], signature.Verification]) -> bool:
    try:
        check = opened()
        check.update(b"{}")
        check.finish(now=NOW, tolerance=timedelta(days=1))
    except SignatureError:
        return False
    return True


def by_token_list(given: str) -> bool:
    return is_one_of(given, ("right", "other"))


def by_api_token(given: str) -> bool:
    return api_tokens.holder_of([ApiToken("crm", frozenset({"read"}), "right")], given) is not None


def by_seal(given: str) -> bool:
    return survey_token.is_sealed(["right" * 8], "token", survey_token.seal(["right" * 8], given, at=NOW), now=NOW)


@pytest.mark.parametrize("check", [by_chatwoot, by_standard, by_token_list, by_api_token, by_seal])
class TestEachCheck:
    @pytest.mark.parametrize("given", GIVEN)
    def test_it_refuses_whatever_is_sent_without_failing(self, check: Callable[[str], bool], given: str) -> None:
        assert check(given) is False

    def test_it_asks_for_constant_time(self, check: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[object, object]] = []
        real = hmac.compare_digest

        def spy(one: bytes, other: bytes) -> bool:
            asked.append((one, other))
            return real(one, other)

        monkeypatch.setattr(hmac, "compare_digest", spy)

        check("wrong")

        assert asked != []
