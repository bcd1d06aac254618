"""Languages as they are written in headers and attributes, read as two letters."""

from __future__ import annotations

import pytest

from worker.language import first_of, preferred, two_letters


class TestTwoLetters:
    @pytest.mark.parametrize(
        ("said", "letters"),
        [("de", "de"), ("DE", "de"), (" pt-BR ", "pt"), ("de_AT", "de"), ("zh-Hant-TW", "zh")],
    )
    def test_a_tag_is_read_without_its_region(self, said: str, letters: str) -> None:
        assert two_letters(said) == letters

    @pytest.mark.parametrize("said", ["", "*", "d", "German", "gsw", "de;", "de-", "de\n<b>", "дe", None, 7, ["de"]])
    def test_anything_else_is_none(self, said: object) -> None:
        assert two_letters(said) == ""


class TestPreferred:
    @pytest.mark.parametrize(
        ("header", "languages"),
        [
            ("de-DE,de;q=0.9,en;q=0.8", ("de", "en")),
            ("en;q=0.1, fr", ("fr", "en")),
            ("en;q=0, nl;q=1.000", ("nl",)),
            ("*, es;q=0.5", ("es",)),
            ("it;q=yes", ("it",)),
            ("", ()),
            (None, ()),
        ],
    )
    def test_the_dearest_comes_first_and_the_refused_not_at_all(
        self, header: object, languages: tuple[str, ...]
    ) -> None:
        assert preferred(header) == languages

    def test_an_endless_header_is_read_only_at_its_beginning(self) -> None:
        assert preferred("xx," * 20 + "de") == ("xx",)


class TestFirstOf:
    def test_it_is_the_first_that_names_a_language(self) -> None:
        assert first_of((None, "", "unknown", "fr-CH, de", "en")) == "fr"

    def test_none_names_none(self) -> None:
        assert first_of(({}, 3)) == ""
