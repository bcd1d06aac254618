"""`python -m bench`: measure some parts or all, and write the report.

    python -m bench all --quick
    python -m bench accept paced --name 2027-01-15
    python -m bench memory --minutes 60
    python -m bench report            (writes the page and the plots anew from the figures)

The report goes to bench/results/<name>.md. A part that is measured again replaces its own section only.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench import accept, findings, machine, memory, paced, processed, report, restart, stored, timers
from bench.findings import Findings, Record
from bench.place import STORES, Place, a_place, described
from bench.sizes import FULL, QUICK, USUAL, Sizes

PARTS: Mapping[str, Callable[[Place], Findings]] = {
    "accept": accept.run,
    "paced": paced.run,
    "processed": processed.run,
    "stored": stored.run,
    "timers": timers.run,
    "memory": memory.run,
    "restart": restart.run,
}
NO_PARTS = ("all", "report")
RESULTS = Path(__file__).parent / "results"
DISK = Path("/var/tmp")  # unlike /tmp never in memory


def main() -> None:
    """Run from the command line; see --help."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that PostgreSQL is stopped, too
    results = given.results.resolve()
    data = results / f"{given.name}.json"
    records = findings.load(data)
    names = [name for name in PARTS if name in given.parts or "all" in given.parts]
    if names:
        with a_place(given.folder.resolve(), _sizes(given), _stores(given.stores), _say) as place:
            about = described(place)
            for name in names:
                records[name] = _measure(name, place, about)
                findings.save(data, {part: records[part] for part in PARTS if part in records})
                print(f"\n{report.text(records[name].findings)}\n", flush=True)
    page = report.write(results, given.name, {part: records[part] for part in PARTS if part in records})
    _say(f"written: {page}")


def _measure(name: str, place: Place, about: Mapping[str, str]) -> Record:
    quiet, began, at = machine.Quiet(), time.monotonic(), datetime.now(UTC)
    found = PARTS[name](place)
    return Record(
        part=name,
        command=machine.command_line(name, others={*PARTS, *NO_PARTS}),
        began=f"{at:%Y-%m-%d %H:%M}",
        seconds=time.monotonic() - began,
        machine=about,
        findings=found,
        conditions=quiet.told(),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["all"], choices=[*PARTS, *NO_PARTS])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="about two minutes for all; says little")
    size.add_argument("--full", action="store_true", help="hours: for figures to publish")
    parser.add_argument("--stores", default="postgresql,sqlite", help="what Hookdesk is measured on")
    parser.add_argument("--name", default="latest", help="of the report")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the report")
    parser.add_argument("--folder", type=Path, default=DISK, help="where the databases lie meanwhile")
    for field in dataclasses.fields(Sizes):
        kind = int if field.type == "int" else float
        if not field.type.startswith("tuple"):  # annotations are words here
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", dest="memory_minutes", type=float, help="of the part memory, for each")
    return parser.parse_args()


def _sizes(given: argparse.Namespace) -> Sizes:
    """One of the three, with what was named on the command line in its place."""
    sizes = QUICK if given.quick else FULL if given.full else USUAL
    names = {field.name for field in dataclasses.fields(Sizes)}
    own = {name: value for name, value in vars(given).items() if name in names and value is not None}
    return dataclasses.replace(sizes, **own)


def _stores(said: str) -> tuple[str, ...]:
    wanted = {word.strip().lower() for word in said.split(",")}
    if unknown := wanted - {store.lower() for store in STORES}:
        raise SystemExit(f"no such store: {', '.join(sorted(unknown))}; known: {', '.join(STORES)}")
    return tuple(store for store in STORES if store.lower() in wanted)


def _say(sentence: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {sentence}", file=sys.stderr, flush=True)  # noqa: DTZ005  for a person here


if __name__ == "__main__":
    main()
