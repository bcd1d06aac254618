"""What a survey's link carries, and the seal of its form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import URLSafeTimedSerializer

from worker import survey_token
from worker.survey_token import SurveyLink

SECRET = "a-link-secret-of-more-than-32-characters"
OTHER = "another-link-secret-of-32-characters-or-so"
NOW = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)
LINK = SurveyLink(7, 3, NOW + timedelta(days=7), "de", timedelta(minutes=30))


class TestToken:
    @pytest.mark.parametrize("link", [LINK, SurveyLink(7, 3, NOW), SurveyLink(2**62, 1, NOW, "pt")])
    def test_it_says_what_was_put_in(self, link: SurveyLink) -> None:
        assert survey_token.read([SECRET], survey_token.make([SECRET], link)) == link

    def test_it_is_short_enough_for_a_text_message(self) -> None:
        assert len(survey_token.make([SECRET], LINK)) < 110

    def test_the_first_secret_signs_and_all_are_accepted(self) -> None:
        token = survey_token.make([SECRET, OTHER], LINK)

        assert survey_token.read([SECRET], token) == LINK
        assert survey_token.read([OTHER, SECRET], token) == LINK
        assert survey_token.read([OTHER], token) is None

    def test_one_from_before_it_carried_more_is_good_for_thirty_days(self) -> None:
        token = str(URLSafeTimedSerializer(SECRET, salt="survey").dumps({"t": 7, "r": 3}))

        link = survey_token.read([SECRET], token)

        assert link is not None
        assert (link.ticket_id, link.resolution, link.language, link.editable) == (7, 3, "", timedelta(hours=1))
        assert timedelta(days=29) < link.expires_at - datetime.now(UTC) <= timedelta(days=30)

    @pytest.mark.parametrize("said", [{"t": "7", "r": 3}, {"r": 3}, [7, 3], None, 7])
    def test_what_we_never_sign_is_none(self, said: object) -> None:
        token = str(URLSafeTimedSerializer(SECRET, salt="survey").dumps(said))

        assert survey_token.read([SECRET], token) is None

    @pytest.mark.parametrize("token", ["", ".", "\ud800", "a\udfff.b.c", "\x00", "é" * 5000])
    def test_what_cannot_be_a_token_is_none(self, token: str) -> None:
        assert survey_token.read([SECRET], token) is None

    def test_a_time_beyond_all_calendars_is_far(self) -> None:
        token = str(URLSafeTimedSerializer(SECRET, salt="survey").dumps({"t": 7, "r": 3, "e": 10**15}))

        link = survey_token.read([SECRET], token)

        assert link is not None and link.expires_at == datetime(9999, 1, 1, tzinfo=UTC)

    def test_without_secrets_there_are_no_links(self) -> None:
        assert survey_token.read([], "x") is None
        with pytest.raises(ValueError, match="HOOKDESK_LINK_SECRETS"):
            survey_token.make([], LINK)


class TestSeal:
    def test_it_fits_its_own_token_for_a_day(self) -> None:
        seal = survey_token.seal([SECRET], "token", at=NOW)

        assert survey_token.is_sealed([SECRET], "token", seal, now=NOW + timedelta(hours=24))
        assert not survey_token.is_sealed([SECRET], "token", seal, now=NOW + timedelta(hours=24, seconds=1))
        assert not survey_token.is_sealed([SECRET], "tokem", seal, now=NOW)

    def test_a_token_is_no_seal_and_a_seal_no_token(self) -> None:
        token = survey_token.make([SECRET], LINK)
        seal = survey_token.seal([SECRET], token, at=NOW)

        assert not survey_token.is_sealed([SECRET], token, token, now=NOW)
        assert survey_token.read([SECRET], seal) is None

    def test_secrets_may_be_rotated_while_a_form_is_open(self) -> None:
        seal = survey_token.seal([SECRET], "token", at=NOW)

        assert survey_token.is_sealed([OTHER, SECRET], "token", seal, now=NOW)
        assert not survey_token.is_sealed([OTHER], "token", seal, now=NOW)
