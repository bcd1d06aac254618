"""The link in a survey that was really sent: whose, for how long, in which language, and that the page opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.outgoing import SECRET, SURVEY, Bench, a_bench
from worker import survey_token
from worker.domain.policy import CsatPolicy
from worker.survey_token import SurveyLink


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        made.resolve()
        yield made


def link_sent(bench: Bench, language: str = "") -> SurveyLink:
    bench.add(replace(SURVEY, payload={**SURVEY.payload, "language": language}))
    bench.perform()
    text = bench.practice.world.conversation(bench.conversation).messages[-1].content
    link = survey_token.read([SECRET], text.rpartition("/survey/")[2])
    assert link is not None
    return link


class TestLink:
    def test_it_is_about_this_resolution(self, bench: Bench) -> None:
        link = link_sent(bench)

        assert (link.ticket_id, link.resolution) == (bench.ticket_id, 1)

    @pytest.mark.parametrize("valid", [timedelta(days=7), timedelta(hours=12)])
    def test_it_is_valid_for_as_long_as_the_policy_says(self, bench: Bench, valid: timedelta) -> None:
        bench.policy = replace(bench.policy, csat=replace(CsatPolicy(), link_valid=valid))

        left = link_sent(bench).expires_at - datetime.now(UTC)

        assert valid - timedelta(minutes=1) < left <= valid

    def test_the_page_will_tell_for_how_long_an_answer_may_be_changed(self, bench: Bench) -> None:
        bench.policy = replace(bench.policy, csat=replace(CsatPolicy(), editable=timedelta(minutes=30)))

        assert link_sent(bench).editable == timedelta(minutes=30)

    @pytest.mark.parametrize("language", ["de", ""])
    def test_it_knows_the_requesters_language(self, bench: Bench, language: str) -> None:
        assert link_sent(bench, language).language == language
