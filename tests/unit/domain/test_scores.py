"""The CSAT score, as the glossary defines it: the share of answers 4 and 5 of 5."""

from __future__ import annotations

import pytest

from worker.domain.scores import of


class TestShare:
    @pytest.mark.parametrize(
        ("ratings", "share"),
        [([5, 4], 1.0), ([5, 3], 0.5), ([4, 3, 2, 1], 0.25), ([3], 0.0), ([5, 5, 1], 2 / 3)],
    )
    def test_it_is_of_those_who_answered(self, ratings: list[int], share: float) -> None:
        score = of([*((False, rating) for rating in ratings), (True, None)])

        assert score.share == share
        assert score.answers == len(ratings)

    def test_without_an_answer_there_is_none(self) -> None:
        assert of([(True, None)]).share is None

    def test_each_rating_is_counted(self) -> None:
        assert of([(True, 5), (True, 5), (False, 1)]).ratings == {1: 1, 2: 0, 3: 0, 4: 0, 5: 2}


class TestResponseRate:
    def test_it_is_of_our_own_surveys(self) -> None:
        score = of([(True, 5), (True, None), (True, None), (True, 1), (False, 3)])

        assert (score.asked, score.replied, score.response_rate) == (4, 2, 0.5)

    def test_without_a_survey_there_is_none(self) -> None:
        assert of([(False, 5)]).response_rate is None
