"""The table of a run, and the page and figures that are kept of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.findings import Table
from bench.report import markdown, number
from tests.fuzz.counting import Count
from tests.programs import find
from worker import broker

_ABOUT = """# Hostile input

Written by `make fuzz` ([tests/fuzz](../../tests/fuzz)). A fault is an answer of 5xx, a case of more than one second (of
work of its own, where only a function is called), a genuine request that was refused, or that was answered 200 and is
not in the inbox with all its bytes, or an exception that is not the parser's own. `503 overload`, with a Retry-After,
is the receiver's own word for "too much at once" and would be counted under that name. Behind nginx, 501 and 505 are
nginx's own answers to protocols that nobody speaks.

- **bodies, signatures, sources, survey tokens, spool frames, API**: the functions themselves, on damaged samples.
- **door**: the whole receiver in one process with a SQLite file on disk, 48 requests at once; every 20,000 the inbox is
  compared with all that was answered 200.
- **sockets**: a receiver as it is deployed, over 16 real connections, alone and behind the nginx that is shipped.
- **schemathesis**: a running Hookdesk against its two OpenAPI descriptions.
- **atheris**: the same functions, guided by the lines an input reaches.
"""


def table(counts: Sequence[Count]) -> str:
    """One row per kind, and one for all."""
    rows = [[one.kind, one.cases, _outcomes(one), one.slowest * 1000 or None, one.faulty] for one in counts]
    slowest = max((one.slowest for one in counts), default=0) * 1000
    rows.append(["all", sum(one.cases for one in counts), "", slowest, sum(one.faulty for one in counts)])
    return markdown(Table("cases", ("kind", "cases", "what became of them", "slowest, ms", "faults"), rows))


def write(results: Path, counts: Sequence[Count], *, first_seed: int, last_seed: int, folder: Path) -> Path:
    """hostile.md and hostile.json; returns the path of the first."""
    at, about = datetime.now(UTC), _machine(folder)
    seconds = sum(one.seconds for one in counts)
    command = machine.command_line("", others=()).replace("python -m bench ", "python -m tests.fuzz")
    seeds = str(first_seed) if first_seed == last_seed else f"{first_seed} to {last_seed}"
    ran = f"`{command}`, seed {seeds}, {at:%Y-%m-%d %H:%M} UTC, {number(seconds)} s."
    shown = "\n".join(f"| {name} | {value} |" for name, value in about.items())
    page = results / "hostile.md"
    page.write_text(f"{_ABOUT}\n{ran}\n\n{table(counts)}\n\n## Machine\n\n| | |\n|---|---|\n{shown}\n", "utf-8")
    figures = {
        "command": command, "seeds": [first_seed, last_seed], "at": at.isoformat(timespec="minutes"), "machine": about,
        "kinds": [{**vars(one), "outcomes": dict(one.outcomes)} for one in counts],
    }  # fmt: skip
    (results / "hostile.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", "utf-8")
    return page


def _outcomes(count: Count) -> str:
    return ", ".join(f"{outcome} {n:,}" for outcome, n in count.outcomes.most_common(6))


def _machine(folder: Path) -> dict[str, str]:
    about = machine.describe(folder, postgres=None, broker=machine.output_of(str(broker.find_binary()), "--version"))
    nginx = find("nginx")
    about["nginx"] = (machine.output_of(nginx, "-v") if nginx else None) or "not installed: its part was not run"
    del about["PostgreSQL"]  # not used here
    return about
