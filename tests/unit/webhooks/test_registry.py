"""The table of sources: complete, unambiguous, and unable to lose mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.webhooks.senders import SENDERS
from webhooks.sources import registry
from webhooks.sources.base import Answers
from webhooks.sources.registry import SOURCES, match


class TestRegistry:
    def test_every_source_has_a_sender_in_these_tests(self) -> None:
        assert {(source.name, source.endpoint) for source in SOURCES} == set(SENDERS)

    def test_no_two_sources_share_a_name_or_a_path(self) -> None:
        assert len({(source.name, source.endpoint) for source in SOURCES}) == len(SOURCES)
        assert len({source.path for source in SOURCES}) == len(SOURCES)

    @pytest.mark.parametrize(
        "path", ["/", "/webhooks", "/webhooks/chatwoot/", "/webhooks/chatwoot/a/b", "/webhooks/email", "//webhooks"]
    )
    def test_other_paths_are_nobodys(self, path: str) -> None:
        assert match(path) is None

    @pytest.mark.parametrize(
        ("answers", "sender_retries", "word"),
        [
            (Answers(accepted=202), True, "accepted"),
            (Answers(accepted=204), True, "accepted"),
            (Answers(too_large=413), True, "too_large"),
            (Answers(refused=403), True, "refused"),
            (Answers(refused=406), True, "refused"),
            (Answers(refused=410), True, "refused"),
            (Answers(refused=302), True, "refused"),
            (Answers(refused=400), True, "refused"),
            (Answers(overload=429), True, "overload"),
            (Answers(stale=410), True, "stale"),
            (Answers(stale=401), False, "never tries again"),
        ],
    )
    def test_no_table_can_lose_mail(self, answers: Answers, sender_retries: bool, word: str) -> None:
        @dataclass(frozen=True)
        class Careless:
            name: str = "careless"
            endpoint: str = "x"

        careless: Any = Careless()
        object.__setattr__(careless, "answers", answers)
        object.__setattr__(careless, "sender_retries", sender_retries)

        assert any(word in sentence for sentence in registry.faults([careless]))
