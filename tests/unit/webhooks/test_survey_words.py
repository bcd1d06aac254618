"""The languages of the survey page, and which of them a visitor gets."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from string import Formatter

import pytest

from tests.unit.webhooks.senders import NOW
from tests.unit.webhooks.surveying import address, answer
from tests.unit.webhooks.world import World
from webhooks.survey_words import WORDS, Words, chosen, span
from worker.domain.policy import CsatPolicy
from worker.policy_file import load_policy

TITLES = {
    "en": "How did we do?",
    "de": "Wie war unsere Hilfe?",
    "fr": "Comment avons-nous fait ?",
    "es": "¿Cómo lo hicimos?",
    "pt": "Como nos saímos?",
    "it": "Come siamo andati?",
    "nl": "Hoe hebben we het gedaan?",
}


class TestLanguages:
    def test_there_are_seven(self) -> None:
        assert {language: words.title for language, words in WORDS.items()} == TITLES

    @pytest.mark.parametrize("language", WORDS)
    def test_each_says_everything_in_its_own_words(self, language: str) -> None:
        words, english = WORDS[language], WORDS["en"]
        for field in fields(Words):
            mine, theirs = getattr(words, field.name), getattr(english, field.name)

            assert mine
            assert language == "en" or mine != theirs
            if isinstance(mine, str):
                assert _names(mine) == _names(theirs), field.name

    def test_the_invitation_speaks_them_too(self) -> None:
        csat = load_policy(None).csat

        assert {language for language, _ in csat.messages} | {"en"} == set(WORDS)
        assert csat.message == CsatPolicy().message
        assert all("{link}" in message for _, message in csat.messages)


class TestChoice:
    @pytest.mark.parametrize(
        ("languages", "language"),
        [(("de",), "de"), (("ja", "fr", "de"), "fr"), (("ja",), "en"), ((), "en"), (("",), "en")],
    )
    def test_the_first_it_speaks(self, languages: tuple[str, ...], language: str) -> None:
        assert chosen(languages) == language

    @pytest.mark.parametrize(
        ("known", "header", "language"),
        [
            ("de", "fr,en;q=0.5", "de"),
            ("", "fr-CH,en;q=0.5", "fr"),
            ("ja", "it", "it"),
            ("", "ja", "en"),
            ("", None, "en"),
        ],
    )
    def test_the_requesters_language_comes_before_the_browsers(
        self, known: str, header: str | None, language: str, world: World
    ) -> None:
        headers = {} if header is None else {"Accept-Language": header}

        page = world.client.get(address(language=known), headers=headers)

        assert f'<html lang="{language}">' in page.text
        assert f"<h1>{TITLES[language]}</h1>" in page.text
        assert page.headers["Content-Language"] == language

    def test_every_page_of_a_german_link_is_german(self, world: World) -> None:
        german = address(language="de")
        thanks, wrong = answer(world, german, rating="5"), answer(world, german, rating="")
        world.health.lost("test")
        world.spool._max_bytes = 0
        busy = answer(world, german, rating="5")
        expired = world.client.get(address(language="de", expires_at=NOW))

        assert "Vielen Dank" in thanks.text and "noch 1 Stunde lang" in thanks.text
        assert "Bitte wählen Sie eine der fünf Antworten." in wrong.text
        assert "Bitte versuchen Sie es noch einmal" in busy.text
        assert "Dieser Link ist abgelaufen" in expired.text
        assert "How" not in thanks.text + wrong.text + busy.text + expired.text

    def test_a_forged_link_is_told_in_the_browsers_language(self, world: World) -> None:
        page = world.client.get("/survey/forged", headers={"Accept-Language": "nl-BE"})

        assert "Deze link is niet geldig" in page.text


class TestSpan:
    @pytest.mark.parametrize(
        ("time", "said"),
        [
            (timedelta(hours=1), "1 hour"),
            (timedelta(hours=3), "3 hours"),
            (timedelta(minutes=90), "90 minutes"),
            (timedelta(days=1), "1 day"),
            (timedelta(days=2), "2 days"),
            (timedelta(minutes=1), "1 minute"),
            (timedelta(seconds=2), "1 minute"),
        ],
    )
    def test_it_is_told_in_the_biggest_unit_that_is_exact(self, time: timedelta, said: str) -> None:
        assert span(WORDS["en"], time) == said


def _names(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
