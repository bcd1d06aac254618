"""The harness on the bench: Hookdesk is broken on purpose in six places, and each time the checker has to say so.

Each plan is directed: it strikes where the mutant is weak, and the unbroken Hookdesk passes the same plan.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.chaos.plan import Fault
from tests.integration.chaos.run import Job, run

QUIET = {"HOOKDESK_CONFIG": str(Path(__file__).with_name("quiet.toml"))}
DIRECTED = Job(
    "sqlite", seed=7, events=250, kills=0, rate=40.0, poison=0, settings=QUIET, plan=()
)  # fmt: skip
PLANS = {
    "a receiver that is killed": replace(
        DIRECTED, plan=tuple(Fault(step, "kill", "web", 0.0) for step in (15, 35, 55, 75, 95))
    ),
    "a worker that dies with deliveries in hand": replace(
        DIRECTED, environment={"HOOKDESK_FAILPOINT": "process.after_claim:3"}
    ),
    "a worker that dies before its commit": replace(
        DIRECTED, environment={"HOOKDESK_FAILPOINT": "process.before_commit:2"}
    ),
    "a worker that is paused for longer than its lease": replace(
        DIRECTED,
        environment={"CHAOS_STALL": "process.after_claim"},
        replicas=("worker-2",),
        plan=(Fault(0, "resume", "worker", 3.0),),
    ),
}  # fmt: skip
MUTANTS = (
    ("answer_before_commit", "a receiver that is killed", "receipts_are_kept: lost"),
    ("dedupe_before_store", "a receiver that is killed", "receipts_are_kept: lost"),
    ("no_fence", "a worker that is paused for longer than its lease", "final_rows_stay: deliveries"),
    ("no_lease_expiry", "a worker that dies with deliveries in hand", "at_rest"),
    ("settled_without_call", "a worker that dies before its commit", "effects_are_performed_once: lost"),
    ("effect_before_commit", "a worker that dies before its commit", "effects_are_performed_once: "),
)
STRIKES = 3
"""A strike can miss: who is stopped while it has SQLite's write lock stops all others, too, and nothing goes wrong."""


@pytest.mark.slow
@pytest.mark.only_on("valkey", "it is the checker that is tested, not Hookdesk")
class TestHarness:
    @pytest.mark.parametrize("name", PLANS)
    def test_the_plan_passes_unbroken(self, name: str, tmp_path: Path) -> None:
        result = run(PLANS[name], tmp_path / "run")

        assert not result.violations, result.story()

    @pytest.mark.parametrize(("mutant", "name", "caught"), MUTANTS)
    def test_it_catches(self, mutant: str, name: str, caught: str, tmp_path: Path) -> None:
        job = PLANS[name]

        broken = replace(job, environment={**job.environment, "CHAOS_MUTANT": mutant}, rest_seconds=15.0)
        for n in range(STRIKES):
            result = run(broken, tmp_path / f"run-{n}")
            if any(each.startswith(caught) for each in result.violations):
                return

        pytest.fail(result.story())
