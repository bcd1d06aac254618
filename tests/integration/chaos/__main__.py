"""`python -m tests.integration.chaos --store sqlite --seed 1 --events 3000 --kills 30`: break it, and look."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.integration.chaos import plan
from tests.integration.chaos.run import Job, run


def main() -> int:
    """Exit code 1 when a law was broken."""
    given = _parser().parse_args()
    stores = given.store or ["sqlite", "postgresql"]
    failed = False
    for store in stores:
        job = Job(store, given.seed, given.events, given.kills, rate=given.rate,
                  plan=plan.load(given.replay) if given.replay else None)  # fmt: skip
        folder = Path(tempfile.mkdtemp(prefix="hookdesk-chaos-", dir=given.folder))
        folder.chmod(0o755)
        result = run(job, folder)
        print(store, result.figures, dict(result.counts))
        if result.violations:
            failed = True
            plan.save(folder / "plan.json", result.faults)
            print(result.story())
            print(f"kept in {folder}; the same again: --store {store} --seed {job.seed} --replay {folder}/plan.json")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.chaos")
    parser.add_argument("--store", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--rate", type=float, default=30.0, help="steps of the desk per second")
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
