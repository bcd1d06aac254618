"""The table of a run: what was sent, what was broken, and what came of it; as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.integration.chaos.run import Result

Row = tuple[str, list[str]]
Run = dict[str, Any]  # of one store, as chaos.json keeps it

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
    """`chaos.md` and `chaos.json`; returns the path of the first. What is there already of another store stays."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "chaos.md", folder / "chaos.json"
    runs: dict[str, Run] = {one["store"]: one for one in _kept(data)}
    for one in results:
        runs[one.job.store] = {"store": one.job.store, "seed": one.job.seed, "command": command,
                               "machine": dict(machine), "faults": dict(one.counts), "violations": one.violations,
                               **one.figures}  # fmt: skip
    rows = [runs[store] for store in sorted(runs, reverse=True)]
    data.write_text(json.dumps({"runs": rows}, indent=1) + "\n", "utf-8")
    page.write_text(render(rows), "utf-8")
    return page


def _kept(data: Path) -> list[Run]:
    return json.loads(data.read_text("utf-8"))["runs"] if data.exists() else []


def render(runs: Sequence[Run]) -> str:
    """The whole page."""
    commands = dict.fromkeys(one["command"] for one in runs)
    lines = ["# Under a nemesis", "", INTRODUCTION, "", *(f"    {command}" for command in commands), ""]
    heads = [*(one["store"] for one in runs), *(["both"] if len(runs) > 1 else [])]
    for title, rows in (("What was done", _done(runs)), ("What came of it", _came(runs))):
        lines += [f"**{title}**", "", f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
        lines += [""]
    for one in runs:
        lines += [f"- {one['store']}: {said}" for said in one["violations"]]
    machine = runs[-1]["machine"]
    lines += ["## Machine", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in machine.items())]
    return "\n".join(lines) + "\n"


def _done(runs: Sequence[Run]) -> Iterator[Row]:
    yield _sum("events of the desk, answered 200 in the end", runs, lambda one: one["events"])
    yield _sum("posts it took", runs, lambda one: one["posts"])
    yield _sum("distinct facts in them", runs, lambda one: one["facts"])
    yield _sum("**kills**", runs, _kills)
    for key, name in FAULTS.items():
        yield _sum(name, runs, lambda one, key=key: one["faults"].get(key, 0))
    for key, name in NETWORK.items():
        yield _sum(name, runs, lambda one, key=key: one["unanswered"].get(key, 0))


def _came(runs: Sequence[Run]) -> Iterator[Row]:
    for law in ("lost", "doubled", "invented"):
        yield _sum(law, runs, lambda one, law=law: sum(1 for each in one["violations"] if f": {law}:" in each))
    yield _sum("all violations of a law", runs, lambda one: len(one["violations"]))
    yield _sum("looks at the ledger with a difference", runs, lambda one: one["differences"])
    yield _sum("of looks at the ledger", runs, lambda one: one["looks at the ledger"])
    for outcome in ("processed", "duplicate", "stale", "ignored"):
        yield _sum(f"deliveries {outcome}", runs, lambda one, o=outcome: one["outcomes"].get(o, 0))
    yield _sum("dead letters, all of them injected", runs, lambda one: one["dead letters"])
    yield _sum("tickets", runs, lambda one: one["tickets"])
    yield _sum("effects performed", runs, lambda one: one["effects"].get("done", 0))
    yield _sum("effects cancelled with a reason", runs, lambda one: one["effects"].get("cancelled", 0))
    yield _sum("timers fired", runs, lambda one: one["timers fired"])
    for name in ("seconds acting", "seconds to rest"):
        yield name, [f"{one[name]:,.0f}" for one in runs] + ["" for _ in runs[1:2]]


def _kills(one: Run) -> int:
    return sum(count for name, count in one["faults"].items() if name.startswith("kill "))


def _sum(name: str, runs: Sequence[Run], of: Any) -> Row:
    values = [of(one) for one in runs]
    cells = [f"{value:,}" for value in values]
    return name, [*cells, f"{sum(values):,}"] if len(values) > 1 else cells
