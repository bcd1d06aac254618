"""[csat] of the policy file: numbers, languages, and whose words are used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.test_policy_file import mistakes_of, policy_of
from worker.policy_file import load_policy


class TestNumbers:
    def test_each_is_read(self, tmp_path: Path) -> None:
        csat = policy_of(
            tmp_path,
            '[csat]\nenabled = false\ndelay = "1h"\nlink_valid = "3d"\neditable = "30m"\ncooldown = "14d"\n'
            'low_score = 3\nlow_score_within = "4h"\n',
        ).csat

        assert (csat.enabled, csat.delay, csat.link_valid) == (False, timedelta(hours=1), timedelta(days=3))
        assert (csat.editable, csat.cooldown) == (timedelta(minutes=30), timedelta(days=14))
        assert (csat.low_score, csat.low_score_within) == (3, timedelta(hours=4))

    @pytest.mark.parametrize("low_score", ["5", "-1", '"2"', "2.5", "true"])
    def test_an_answer_of_five_is_never_low(self, tmp_path: Path, low_score: str) -> None:
        (mistake,) = mistakes_of(tmp_path, f"[csat]\nlow_score = {low_score}\n")

        assert mistake.startswith("hookdesk.toml:2: low_score cannot be ")
        assert mistake.endswith("Write a whole number from 0 to 4.")


class TestMessages:
    def test_a_language_is_added_or_changed_alone(self, tmp_path: Path) -> None:
        csat = policy_of(tmp_path, '[csat.messages]\nde = "Und? {link}"\npl = "Jak? {link}"\n').csat

        assert dict(csat.messages)["de"] == "Und? {link}"
        assert [language for language, _ in csat.messages] == ["de", "es", "fr", "it", "nl", "pl", "pt"]
        assert csat.message == "How did we do? Your answer takes ten seconds: {link}"

    def test_a_desk_with_its_own_words_is_not_mixed_with_ours(self, tmp_path: Path) -> None:
        csat = policy_of(tmp_path, '[csat]\nmessage = "Wie war Acme? {link}"\n').csat

        assert (csat.message, csat.messages) == ("Wie war Acme? {link}", ())

    def test_its_own_words_may_be_in_several_languages(self, tmp_path: Path) -> None:
        own = '[csat]\nmessage = "Acme? {link}"\n[csat.messages]\nfr = "Et Acme ? {link}"\n'

        assert policy_of(tmp_path, own).csat.messages == (("fr", "Et Acme ? {link}"),)

    def test_other_keys_leave_ours(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, '[csat]\ndelay = "1m"\n').csat.messages == load_policy(None).csat.messages

    @pytest.mark.parametrize(
        ("line", "what", "remedy"),
        [
            ('de = "Wie war es?"', "de cannot be 'Wie war es?'", "Write {link} where the survey's address belongs."),
            (
                'de = "{name}, wie war es? {link}"',
                "de cannot be '{name}, wie war es? {link}'",
                "Nothing fills in {name}. Known here: {link}.",
            ),
            (
                'german = "Und? {link}"',
                "german is no language",
                'Write two small letters, for example de = "… {link}".',
            ),
            ('DE = "Und? {link}"', "DE is no language", 'Write two small letters, for example de = "… {link}".'),
            ("de = 7", "de cannot be 7", 'Write a text in quotes, for example "billing".'),
        ],
    )
    def test_mistakes_are_told_with_their_line(self, tmp_path: Path, line: str, what: str, remedy: str) -> None:
        assert mistakes_of(tmp_path, f"[csat.messages]\n{line}\n") == (f"hookdesk.toml:2: {what}. {remedy}",)

    def test_a_text_for_all_languages_has_another_name(self, tmp_path: Path) -> None:
        (mistake,) = mistakes_of(tmp_path, '[csat]\nmessages = "Hi {link}"\n')

        assert "messages is not a table" in mistake
