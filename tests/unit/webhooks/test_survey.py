"""The survey page: shown to anybody with a valid link, recorded only when a person sends the form."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from tests.unit.webhooks.senders import LINK_SECRET, NOW
from tests.unit.webhooks.world import World
from webhooks.survey import LONGEST_FEEDBACK
from worker import survey_token
from worker.survey_token import SurveyLink

OTHER = "another-link-secret-of-32-characters-or-so"


def link(secret: str = LINK_SECRET, ticket_id: int = 9, resolution: int = 2) -> str:
    return "/survey/" + survey_token.make([secret], ticket_id=ticket_id, resolution=resolution)


class TestGet:
    def test_it_shows_the_form_and_records_nothing(self, world: World) -> None:
        for _ in range(3):
            answer = world.client.get(link())

        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert len(re.findall(r'type="radio" name="rating" value="[1-5]"', answer.text)) == 5
        assert world.rows() == []

    def test_it_has_no_script_and_leaks_nothing(self, world: World) -> None:
        answer = world.client.get(link())

        assert "<script" not in answer.text
        assert "http" not in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")

    def test_every_field_has_a_label(self, world: World) -> None:
        text = world.client.get(link()).text

        assert '<html lang="en">' in text
        assert "<legend>" in text
        assert text.count("<label") == 6
        assert '<label for="feedback">' in text

    @pytest.mark.parametrize("token", ["x", "a.b.c", "é", "%00", link()[8:-1], link(OTHER)[8:]])
    def test_forged_links_all_look_alike(self, token: str, world: World) -> None:
        answer, other = world.client.get(f"/survey/{token}"), world.client.post("/survey/never", data={"rating": "5"})

        assert (answer.status_code, answer.text) == (404, other.text)
        assert "This link is not valid" in answer.text

    def test_other_methods_are_not_allowed(self, world: World) -> None:
        assert world.client.delete(link()).status_code == 405


class TestPost:
    def test_an_answer_is_a_delivery(self, world: World) -> None:
        answer = world.client.post(link(), data={"rating": "4", "feedback": "  Danke! ✓ <b> "})

        (row,) = world.rows()
        assert (answer.status_code, row.source, row.endpoint, row.state) == (200, "survey", "page", "pending")
        assert json.loads(world.raw(row).body) == {
            "ticket_id": 9,
            "resolution": 2,
            "rating": 4,
            "feedback": "Danke! ✓ <b>",
            "at": "2026-06-18T09:00:00.000000+00:00",
        }
        assert "Thank you" in answer.text
        assert world.woken == [[row.id]]

    def test_five_three_five_are_three_answers(self, world: World) -> None:
        for rating in ("5", "3", "5"):
            world.client.post(link(), data={"rating": rating})
            world.clock.advance(timedelta(microseconds=1))

        assert [row.duplicate_of for row in world.rows()] == [None, None, None]

    @pytest.mark.parametrize("rating", ["", "0", "6", "5.0", "five", "٥", " 5"])
    def test_without_a_rating_the_form_comes_back(self, rating: str, world: World) -> None:
        answer = world.client.post(link(), data={"rating": rating, "feedback": "<script>alert(1)</script>"})

        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert "&lt;script&gt;" in answer.text
        assert world.rows() == []

    def test_what_was_chosen_stays_chosen(self, world: World) -> None:
        answer = world.client.post(link(), data={"rating": "2", "feedback": "x" * (LONGEST_FEEDBACK + 1)})

        assert answer.status_code == 422
        assert 'value="2" required checked' in answer.text

    def test_a_body_beyond_a_form_is_refused(self, world: World) -> None:
        assert world.client.post(link(), data={"rating": "5", "feedback": "x" * 100_000}).status_code == 413

    def test_when_nothing_can_be_kept_it_asks_for_another_try(self, world: World) -> None:
        world.health.lost("test")
        world.spool._max_bytes = 0

        answer = world.client.post(link(), data={"rating": "5"})

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Please try again" in answer.text

    def test_it_is_spooled_like_any_other(self, world: World) -> None:
        world.commits.is_away = True
        assert world.client.post(link(), data={"rating": "5"}).status_code == 200

        world.commits.is_away = False
        world.health.back()
        world.drainer.round()

        assert world.rows()[0].received_at == NOW


class TestToken:
    def test_it_says_what_was_put_in(self) -> None:
        token = survey_token.make([LINK_SECRET], ticket_id=7, resolution=3)

        assert survey_token.read([LINK_SECRET], token) == SurveyLink(7, 3)

    def test_the_first_secret_signs_and_all_are_accepted(self) -> None:
        token = survey_token.make([LINK_SECRET, OTHER], ticket_id=7, resolution=3)

        assert survey_token.read([LINK_SECRET], token) == survey_token.read([OTHER, LINK_SECRET], token) != None  # noqa: E711
        assert survey_token.read([OTHER], token) is None

    def test_an_old_one_has_expired(self) -> None:
        token = survey_token.make([LINK_SECRET], ticket_id=7, resolution=3)

        assert survey_token.read([LINK_SECRET], token, max_age_seconds=-1) is None

    def test_without_secrets_there_are_no_links(self) -> None:
        assert survey_token.read([], "x") is None
        with pytest.raises(ValueError, match="HOOKDESK_LINK_SECRETS"):
            survey_token.make([], ticket_id=1, resolution=1)
