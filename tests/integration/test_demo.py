"""`hookdesk demo`: a whole support day through real processes, and its own judgement of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_up import EMBEDDED, belonging_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.only_on("valkey", EMBEDDED)]


def hookdesk(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("HOOKDESK_")}
    command = [sys.executable, "-m", "worker.cli.main", *words]
    return subprocess.run(command, env={**own, **env}, capture_output=True, text=True, timeout=280)


def rows(answer: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.stdout.splitlines()]


class TestDemo:
    def test_a_support_day_ends_with_nothing_lost_and_everything_explained(self, tmp_path: Path) -> None:
        # a real Chatwoot in the operator's settings must never be touched by the demo
        result = hookdesk("demo", "--data-dir", str(tmp_path), HOOKDESK_CHATWOOT_URL="http://127.0.0.1:1")

        assert result.returncode == 0, result.stdout + result.stderr
        tickets = rows(hookdesk("tickets", "--limit", "100", "--json", HOOKDESK_DATA_DIR=str(tmp_path)))
        (books,) = rows(hookdesk("ledger", "--json", HOOKDESK_DATA_DIR=str(tmp_path)))
        assert len(tickets) == 40
        assert {row["team"]["name"] for row in tickets} == {"support", "billing", "technical"}
        assert any(clock["breached_at"] for row in tickets for clock in row["sla"])
        assert books["difference"] == 0
        assert books["duplicate"] > 0
        assert "5 of 5" in result.stdout
        for happened in (
            "breaches its first response",
            "is about a refund: it is escalated",
            "is a holiday: 24 h of it do not count",
            "the survey is held back",
            "moves to another agent: the one who had it has left",
            "the answer is recorded",
        ):
            assert happened in result.stdout
        assert belonging_to(tmp_path) == []
