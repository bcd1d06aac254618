"""The table of a run: what was sent, what was broken, and what came of it; as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.integration.chaos.run import Result

Row = tuple[str, list[str]]

INTRODUCTION = (
    "A support desk at work, and Hookdesk killed under it: `make chaos` (see `tests/integration/chaos`). Every request "
    "that was not answered 200 was posted again; at rest an independent checker compared what the sender recorded, the "
    "stored rows and what the practice Chatwoot holds with each other and with a run of the same seed without faults."
)
FAULTS = {
    "kill child": "kill -9 of a process of the worker's pool",
    "kill worker": "kill -9 of the whole worker",
    "kill web": "kill -9 of the receiver",
    "kill scheduler": "kill -9 of the scheduler",
    "kill broker": "kill -9 of the broker",
    "kill database": "kill -9 of the database server",
    "stop": "stopped for 0.5 to 4 s and continued",
    "flush": "broker flushed",
    "cut": "all connections to broker or database cut",
    "outage": "database away for 3 to 6 s (SQLite: locked)",
    "clock": "wall clock stepped by 3 to 20 s",
    "chatwoot": "series of failing calls to Chatwoot",
}
NETWORK = {
    "503": "answered 503 (database away and spool full)",
    "ConnectionRefusedError": "refused connections",
    "RemoteDisconnected": "connections closed without an answer",
    "ConnectionResetError": "connections reset",
    "half_sent": "requests cut in the middle",
    "unheard": "answers not waited for",
    "TimeoutError": "no answer within 5 s",
}


def write(folder: Path, results: Sequence[Result], *, command: str, machine: Mapping[str, str]) -> Path:
    """`chaos.md` and `chaos.json`; returns the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "chaos.md"
    page.write_text(render(results, command=command, machine=machine), "utf-8")
    rows = [
        {"store": one.job.store, "seed": one.job.seed, "faults": dict(one.counts), "violations": one.violations,
         **one.figures}
        for one in results
    ]  # fmt: skip
    data = {"command": command, "machine": dict(machine), "runs": rows}
    page.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    return page


def render(results: Sequence[Result], *, command: str, machine: Mapping[str, str]) -> str:
    """The whole page."""
    lines = ["# Under a nemesis", "", INTRODUCTION, "", f"`{command}`", ""]
    heads = [*(one.job.store for one in results), *(["both"] if len(results) > 1 else [])]
    for title, rows in (("What was done", _done(results)), ("What came of it", _came(results))):
        lines += [f"**{title}**", "", f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
        lines += [""]
    for one in results:
        lines += [f"- {one.job.store}: {said}" for said in one.violations]
    lines += ["## Machine", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in machine.items())]
    return "\n".join(lines) + "\n"


def _done(results: Sequence[Result]) -> Iterator[Row]:
    yield _sum("events of the desk, answered 200 in the end", results, lambda one: one.figures["events"])
    yield _sum("posts it took", results, lambda one: one.figures["posts"])
    yield _sum("distinct facts in them", results, lambda one: one.figures["facts"])
    yield _sum("**kills**", results, _kills)
    for key, name in FAULTS.items():
        yield _sum(name, results, lambda one, key=key: one.counts[key])
    for key, name in NETWORK.items():
        yield _sum(name, results, lambda one, key=key: one.figures["unanswered"].get(key, 0))


def _came(results: Sequence[Result]) -> Iterator[Row]:
    for law in ("lost", "doubled", "invented"):
        yield _sum(law, results, lambda one, law=law: sum(1 for each in one.violations if f": {law}:" in each))
    yield _sum("all violations of a law", results, lambda one: len(one.violations))
    yield _sum("looks at the ledger with a difference", results, lambda one: one.figures["differences"])
    yield _sum("of looks at the ledger", results, lambda one: one.figures["looks at the ledger"])
    for outcome in ("processed", "duplicate", "stale", "ignored"):
        yield _sum(f"deliveries {outcome}", results, lambda one, o=outcome: one.figures["outcomes"].get(o, 0))
    yield _sum("dead letters, all of them injected", results, lambda one: one.figures["dead letters"])
    yield _sum("tickets", results, lambda one: one.figures["tickets"])
    yield _sum("effects performed", results, lambda one: one.figures["effects"].get("done", 0))
    yield _sum("effects cancelled with a reason", results, lambda one: one.figures["effects"].get("cancelled", 0))
    yield _sum("timers fired", results, lambda one: one.figures["timers fired"])
    for name in ("seconds acting", "seconds to rest"):
        yield name, [f"{one.figures[name]:,.0f}" for one in results] + ["" for _ in results[1:2]]


def _kills(one: Result) -> int:
    return sum(count for name, count in one.counts.items() if name.startswith("kill "))


def _sum(name: str, results: Sequence[Result], of: Any) -> Row:
    values = [of(one) for one in results]
    cells = [f"{value:,}" for value in values]
    return name, [*cells, f"{sum(values):,}"] if len(values) > 1 else cells
