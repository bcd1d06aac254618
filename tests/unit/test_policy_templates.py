"""[templates] of the policy file."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.domain.templates import PLACEHOLDERS
from worker.errors import ConfigError
from worker.policy_file import DEFAULT_TOML, load_policy


def loaded(folder: Path, text: str) -> dict[str, str]:
    file = folder / "hookdesk.toml"
    file.write_text(text, "utf-8")
    return dict(load_policy(file).templates)


class TestTemplates:
    def test_own_ones_come_to_the_defaults(self, tmp_path: Path) -> None:
        found = loaded(tmp_path, '[templates]\neta = "Dear {requester}, tomorrow."\nwaiting = "Well?"\n')

        assert list(found) == ["received", "waiting", "eta"]
        assert (found["eta"], found["waiting"]) == ("Dear {requester}, tomorrow.", "Well?")

    @pytest.mark.parametrize("name", [*PLACEHOLDERS])
    def test_every_placeholder_may_be_used(self, tmp_path: Path, name: str) -> None:
        assert loaded(tmp_path, f'[templates]\nx = "{{{name}}}"\n')["x"] == f"{{{name}}}"

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ('eta = "Dear {name}"', "hookdesk.toml:2: {name} in eta is not filled in by anything. Known: {requester},"),
            ('"E T A" = "x"', "hookdesk.toml:2: 'E T A' cannot name a template. Use small letters"),
            ("eta = 5", "hookdesk.toml:2: eta cannot be 5."),
            ('eta = " "', "hookdesk.toml:2: eta cannot be ' '."),
        ],
    )
    def test_mistakes_are_told_with_their_line(self, tmp_path: Path, line: str, said: str) -> None:
        with pytest.raises(ConfigError) as caught:
            loaded(tmp_path, f"[templates]\n{line}\n")

        (mistake,) = caught.value.mistakes
        assert said in mistake

    def test_the_comment_beside_the_defaults_names_them_all(self) -> None:
        comment = DEFAULT_TOML.partition("[templates]")[0].rpartition("# Canned texts")[2]

        assert [name for name in PLACEHOLDERS if f"{{{name}}}" not in comment] == []
