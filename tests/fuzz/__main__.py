"""`python -m tests.fuzz`: hostile input by kind, counted; ends with 1 when anything happened that never must.

    python -m tests.fuzz --cases 30000
    python -m tests.fuzz door sockets --seed 7
    python -m tests.fuzz --minutes 60
    python -m tests.fuzz --cases 1300000 --results bench/results     (writes hostile.md and hostile.json)

What must never happen: an answer of 5xx, more than a second, a genuine request that is refused or, once answered 200,
not in the inbox with all its bytes, an exception that is not the parser's own.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from random import SystemRandom

import structlog

from tests.fuzz import coverage, described, door, parsers, report, sockets
from tests.fuzz.counting import Count, merged
from tests.programs import find

Part = Callable[[int, int, Callable[[str], None], Path], list[Count]]
PARTS: Mapping[str, tuple[Part, float]] = {  # with their share of the cases: what is quick gets most of them
    "parsers": (lambda seed, cases, say, _: parsers.run(seed, cases, say), 0.70),
    "door": (door.run, 0.16),
    "sockets": (sockets.run, 0.04),
    "described": (described.run, 0.01),
    "guided": (coverage.run, 0.09),
}
DISK = Path("/var/tmp")  # unlike /tmp never in memory


def main() -> int:
    """Run from the command line; see --help."""
    given = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if os.environ.get("CI") == "true" and (missing := _missing()):
        _say(f"CI must have {', '.join(missing)}")
        return 1
    names = [name for name in PARTS if name in given.parts or not given.parts]
    shares = sum(PARTS[name][1] for name in names)
    began, seed, counts = time.monotonic(), given.seed, list[Count]()
    while True:
        for name in names:
            run, share = PARTS[name]
            counts = merged([*counts, *run(seed, int(given.cases * share / shares), _say, given.folder)])
        if time.monotonic() - began >= given.minutes * 60:
            break
        seed += 1
    if given.results is not None:
        report.write(given.results, counts, first_seed=given.seed, last_seed=seed, folder=given.folder)
    print(report.table(counts))
    for count in counts:
        for fault in count.faults:
            print(f"\nFAULT in {count.kind}, seeds {given.seed} to {seed}: {fault}")
    return 1 if any(count.faulty for count in counts) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="of these; all unless told")
    parser.add_argument("--cases", type=int, default=100_000, help="in all, about; 100,000 unless told")
    parser.add_argument("--minutes", type=float, default=0, help="go on with the next seed until so many have passed")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**31), help="to repeat a run")
    parser.add_argument("--results", type=Path, help="folder to write hostile.md and hostile.json into")
    parser.add_argument("--folder", type=Path, default=DISK, help="where the databases lie meanwhile")
    return parser.parse_args()


def _missing() -> list[str]:
    there = {
        "schemathesis": described.is_installed(),
        "atheris": coverage.is_installed(),
        "nginx": find("nginx") is not None,
    }
    return [name for name, is_there in there.items() if not is_there]


def _say(sentence: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {sentence}", file=sys.stderr, flush=True)  # noqa: DTZ005  for a person here


if __name__ == "__main__":
    sys.exit(main())
