"""[[targets]] of the policy file: what is read, and every mistake with its line and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_policy_file import mistakes_of, policy_of
from worker.domain.policy import Target
from worker.policy_file import load_policy


def a_target(**given: str) -> str:
    keys = {"name": '"crm"', "url": '"https://crm.example.com/hooks"', **given}
    return "[[targets]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value)


class TestTargets:
    def test_by_default_there_are_none(self) -> None:
        assert load_policy(None).targets == ()

    def test_all_of_it_is_read(self, tmp_path: Path) -> None:
        text = a_target(events='["ticket.resolved", "csat.answered"]') + a_target(
            name='"shop-2"', url='"http://10.0.0.7:9000/in?x=1"', allow_private="true"
        )

        assert policy_of(tmp_path, text).targets == (
            Target("crm", "https://crm.example.com/hooks", ("ticket.resolved", "csat.answered"), False),
            Target("shop-2", "http://10.0.0.7:9000/in?x=1", (), True),
        )

    def test_a_target_changes_the_version(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, a_target()).version != load_policy(None).version

    @pytest.mark.parametrize(
        ("given", "line", "said"),
        [
            ({"events": '["ticket.resolvd"]'}, 4, "Did you mean ticket.resolved?"),
            ({"url": '"http://crm.example.com/"'}, 3, "http:// is not encrypted"),
            ({"url": '"https://127.0.0.1/x"'}, 3, "127.0.0.1 is a private address. Add allow_private = true"),
            ({"url": '"http://localhost:9000/"'}, 3, "localhost is a private address"),
            ({"url": '"https://[fd00::1]/"'}, 3, "is a private address"),
            ({"url": '"https://me:hunter2@crm.example.com/"'}, 3, "Leave out user and password"),
            ({"url": '"https://crm.example.com/#a"'}, 3, "Leave out what follows the #"),
            ({"url": '"crm.example.com"'}, 3, "Write an address such as"),
            ({"url": '"https://crm.example.com:99999/"'}, 3, "Write an address such as"),
            ({"url": '"https://crm.example.com/a b"'}, 3, "Write an address such as"),
            ({"url": "7"}, 3, "Write a text in quotes"),
            ({"url": ""}, 1, "url is missing"),
            ({"name": ""}, 1, "name is missing"),
            ({"name": '"Our CRM"'}, 2, "lower-case letters"),
            ({"name": f'"{"x" * 31}"'}, 2, "at most 30"),
            ({"allow_private": '"yes"'}, 4, "Write true or false"),
            ({"event": "[]"}, 4, "Did you mean events?"),
        ],
    )
    def test_each_mistake_is_told_with_its_line(
        self, tmp_path: Path, given: dict[str, str], line: int, said: str
    ) -> None:
        (mistake,) = mistakes_of(tmp_path, a_target(**given))

        assert mistake.startswith(f"hookdesk.toml:{line}: ")
        assert said in mistake

    def test_two_of_a_name_are_refused(self, tmp_path: Path) -> None:
        (mistake,) = mistakes_of(tmp_path, a_target() + a_target())

        assert "'crm' stands in targets twice" in mistake

    def test_a_name_of_thirty_characters_is_fine(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, a_target(name=f'"{"x" * 30}"')).targets[0].name == "x" * 30
