from datetime import UTC, datetime

import pytest

from tests.unit.intake.reading import RECEIVED_AT, parsed
from worker.domain.facts import Answer
from worker.errors import Unparsable

SAID = {"ticket_id": 9, "resolution": 2, "rating": 4, "feedback": "quick\x00", "at": "2026-11-18T11:59:00Z"}


class TestSurvey:
    def test_an_answer_knows_its_ticket_by_our_id(self):
        said = parsed(SAID, source="survey")

        assert (said.event, said.ticket, said.ticket_id) == ("survey.answered", None, 9)
        at = datetime(2026, 11, 18, 11, 59, tzinfo=UTC)
        assert said.facts == (Answer("resolution:2", at, 4, "quick", via="hookdesk"),)

    def test_without_a_time_it_is_the_arrival(self):
        assert parsed({**SAID, "at": None}, source="survey").facts[0].at == RECEIVED_AT

    @pytest.mark.parametrize(
        "change",
        [
            {"ticket_id": None},
            {"ticket_id": "9"},
            {"ticket_id": 0},
            {"ticket_id": 2**63},
            {"resolution": True},
            {"resolution": -1},
            {"rating": 0},
            {"rating": None},
            {"feedback": 7},
            {"at": "soon"},
        ],
    )
    def test_anything_else_is_unparsable(self, change):
        with pytest.raises(Unparsable):
            parsed({**SAID, **change}, source="survey")
