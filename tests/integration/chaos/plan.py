"""What the nemesis is going to do: a list of faults per seed, each at a step of the script, kept with a failing run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

KILLS = {"child": 12, "broker": 4, "web": 3, "worker": 2, "scheduler": 2, "database": 2}
"""Whom a kill -9 hits, by weight; a part comes back within a second."""
OTHERS = {
    "stop": 4, "flush": 3, "cut": 2, "outage": 1, "clock": 1, "chatwoot": 3,
}  # fmt: skip
"""What else happens, by weight: about one for every three kills."""
STOPPED = ("web", "worker", "scheduler", "broker", "database")
ANSWERS = ("500_after_store", "cut_after_store", "cut", "500", "503")


@dataclass(frozen=True, slots=True)
class Fault:
    """One act of the nemesis, when the desk has done `step` steps."""

    step: int
    kind: str  # kill stop resume flush cut outage clock chatwoot
    target: str
    seconds: float


def make(seed: int, *, kills: int, steps: int, store: str) -> list[Fault]:
    """So many kills and what comes with them, spread over the steps; the last tenth of them is left in peace."""
    chance = random.Random(f"nemesis {seed}")
    last = max(1, steps * 9 // 10)
    targets = {name: weight for name, weight in KILLS.items() if name != "database" or store == "postgresql"}
    faults = [_kill(chance, chance.randrange(last), targets) for _ in range(kills)]
    faults += [_other(chance, chance.randrange(last), store) for _ in range(kills // 3)]
    return sorted(faults, key=lambda fault: (fault.step, fault.kind, fault.target, fault.seconds))


def _kill(chance: random.Random, step: int, targets: dict[str, int]) -> Fault:
    target = chance.choices(list(targets), weights=list(targets.values()))[0]
    return Fault(step, "kill", target, round(chance.uniform(0.0, 0.8), 2))


def _other(chance: random.Random, step: int, store: str) -> Fault:
    kind = chance.choices(list(OTHERS), weights=list(OTHERS.values()))[0]
    match kind:
        case "stop":
            return Fault(step, kind, chance.choice(STOPPED), round(chance.uniform(0.5, 4.0), 2))
        case "cut":
            return Fault(step, kind, chance.choice(("broker", "database")), 0.0)
        case "outage":
            return Fault(step, kind, "database", round(chance.uniform(3.0, 6.0), 2))
        case "clock":
            return Fault(step, kind, "all", chance.choice((-1, 1)) * round(chance.uniform(3.0, 20.0), 2))
        case "chatwoot":
            return Fault(step, kind, chance.choice(ANSWERS), float(chance.randrange(1, 6)))
        case _:
            return Fault(step, kind, "broker", 0.0)


def save(path: Path, faults: Iterable[Fault]) -> None:
    """As JSON, for `--replay`."""
    path.write_text(json.dumps([asdict(fault) for fault in faults], indent=0) + "\n", "utf-8")


def load(path: Path) -> list[Fault]:
    """What `save` wrote."""
    return [Fault(**row) for row in json.loads(path.read_text("utf-8"))]
