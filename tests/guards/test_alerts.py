"""The alert rules, judged by Prometheus' own tool."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.guards.pages import FOLDER, rules
from tests.guards.repository import ROOT
from tests.programs import needed

CASES = ("alerts_test.yml", "alerts_weeks_test.yml")


def promtool(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([needed("promtool"), *args], cwd=FOLDER, capture_output=True, text=True, check=False)


class TestRules:
    def test_they_pass_the_lint(self) -> None:
        answer = promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")

        assert answer.returncode == 0, answer.stdout + answer.stderr

    def test_they_fire_keep_quiet_and_resolve_as_their_cases_say(self) -> None:
        answer = promtool("test", "rules", *CASES)

        assert answer.returncode == 0, answer.stdout + answer.stderr

    @pytest.mark.parametrize("name", [rule["alert"] for rule in rules()])
    def test_each_has_a_case_in_which_it_fires_one_without_and_one_without_data(self, name: str) -> None:
        cases = [
            (bool(group["input_series"]), case["eval_time"], bool(case["exp_alerts"]))
            for file in CASES
            for group in yaml.safe_load((FOLDER / file).read_text("utf-8"))["tests"]
            for case in group["alert_rule_test"]
            if case["alertname"] == name
        ]

        with_data = [fires for data, _, fires in cases if data]
        assert True in with_data
        assert False in with_data[: with_data.index(True)]  # quiet first
        assert with_data[-1] is False  # and resolved at the end
        assert [data for data, _, _ in cases].count(False) == 1

    def test_the_example_configuration_of_prometheus_is_valid(self) -> None:
        answer = promtool("check", "config", "--syntax-only", str(ROOT / "deploy" / "prometheus.yml"))

        assert answer.returncode == 0, answer.stdout + answer.stderr
