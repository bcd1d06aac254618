from datetime import UTC, datetime

import pytest

from tests.unit.intake.reading import RECEIVED_AT, body, only, parsed
from worker.domain.facts import Answer
from worker.errors import Unparsable


class TestAnswers:
    def answer(self, values, **changes):
        said = body("07") | changes
        said["content_attributes"]["submitted_values"] = values
        return [fact for fact in parsed(said).facts if isinstance(fact, Answer)]

    @pytest.mark.parametrize(("rating", "read"), [(1, 1), (5, 5), ("3", 3)])
    def test_a_rating_may_be_a_text(self, rating, read):
        assert [a.rating for a in self.answer({"csat_survey_response": {"rating": rating}})] == [read]

    @pytest.mark.parametrize("rating", [0, 6, "six", "6", 4.5, True, [5]])
    def test_what_is_no_rating_is_unparsable(self, rating):
        with pytest.raises(Unparsable):
            self.answer({"csat_survey_response": {"rating": rating}})

    @pytest.mark.parametrize(
        "values", [None, [], [{"title": "x"}], {}, {"csat_survey_response": {"feedback_message": "hm"}}]
    )
    def test_other_forms_and_unanswered_ones_carry_none(self, values):
        assert self.answer(values) == []

    def test_its_time_is_the_messages_last_change(self):
        (answer,) = self.answer({"csat_survey_response": {"rating": 4}})

        assert answer.at == datetime(2026, 6, 18, 9, 31, 4, 700000, tzinfo=UTC)

    def test_if_the_conversation_quotes_another_message_it_is_the_arrival(self):
        said = body("07")
        said["conversation"]["messages"] = []

        assert only(said, Answer).at == RECEIVED_AT
