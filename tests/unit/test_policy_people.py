"""[[agents]], [[organizations]] and [reroute]: what they say, and what is wrong with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.test_policy_file import mistakes_of, policy_of
from worker.domain.policy import AgentRule, OrganizationRule
from worker.policy_file import load_policy

AGENTS = """
[[agents]]
agent = "maya@desk.example"
skills = ["refunds", "german"]
capacity = 15
senior = true
[[agents]]
agent = 8
"""


class TestDefaults:
    def test_nobody_is_named_and_away_is_ten_minutes(self) -> None:
        policy = load_policy(None)

        assert (policy.agents, policy.organizations) == ((), ())
        assert (policy.reroute.away, policy.default_capacity) == (timedelta(minutes=10), 20)
        assert policy.roster_max_age == timedelta(minutes=3)


class TestReading:
    def test_agents_by_address_or_number(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, AGENTS).agents == (
            AgentRule("maya@desk.example", ("refunds", "german"), 15, True),
            AgentRule("8"),
        )

    def test_organisations_with_their_domains(self, tmp_path: Path) -> None:
        text = '[[organizations]]\nname = "Acme"\ndomains = ["Acme.example"]\ntier = "gold"\nvalue = 5\n'

        assert policy_of(tmp_path, text).organizations == (OrganizationRule("Acme", ("acme.example",), "gold", 5),)

    def test_a_rule_may_ask_for_a_skill_that_somebody_has(self, tmp_path: Path) -> None:
        policy = policy_of(tmp_path, f'{AGENTS}[[routing]]\nname = "a"\nskills = ["German"]\n')

        assert policy.routing[0].skills == ("German",)

    @pytest.mark.parametrize("text", [AGENTS, '[[organizations]]\nname = "Acme"', '[reroute]\naway = "5m"'])
    def test_each_changes_the_version(self, tmp_path: Path, text: str) -> None:
        assert policy_of(tmp_path, text).version != load_policy(None).version

    def test_away_may_be_shorter(self, tmp_path: Path) -> None:
        assert policy_of(tmp_path, '[reroute]\naway = "5m"').reroute.away == timedelta(minutes=5)


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "line", "part"),
        [
            ("[[agents]]\nsenior = true", 1, "agent is missing"),
            ("[[agents]]\nagent = true", 2, "Write a text in quotes"),
            ('[[agents]]\nagent = "A@x.example"\n[[agents]]\nagent = "a@x.example"', 4, "stands in agents twice"),
            ('[[agents]]\nagent = "a"\ncapacity = -1', 3, "from 0 to 10000"),
            ('[[agents]]\nagent = "a"\nskill = ["x"]', 3, "Did you mean skills?"),
            ('[[organizations]]\ndomains = ["a.example"]', 1, "name is missing"),
            ('[[organizations]]\nname = "A"\ndomains = ["a@b.example"]', 3, "behind the @"),
            ('[[organizations]]\nname = "A"\ndomains = ["localhost"]', 3, "behind the @"),
            ('[[organizations]]\nname = "A"\n[[organizations]]\nname = "a"', 4, "stands in organizations twice"),
            (
                '[[organizations]]\nname="A"\ndomains=["x.example"]\n[[organizations]]\nname="B"\ndomains=["X.example"]',
                6,
                "x.example is 'A''s already",
            ),
            ('[[organizations]]\nname = "A"\nvalue = 1.5', 3, "Write a whole number"),
            ('[reroute]\naway = "0s"', 2, "Write a time with its unit"),
            ('[reroute]\nafter = "5m"', 2, "after is not known"),
            ('[[routing]]\nname = "a"\nskills = ["refunds"]', 3, "no agent has the skill 'refunds'"),
        ],
    )
    def test_each_names_its_line_and_its_remedy(self, tmp_path: Path, text: str, line: int, part: str) -> None:
        mistakes = mistakes_of(tmp_path, text)

        assert any(each.startswith(f"hookdesk.toml:{line}: ") and part in each for each in mistakes), mistakes
