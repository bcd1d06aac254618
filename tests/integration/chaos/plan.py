"""What the nemesis is going to do: a list of faults per seed, each at a step of the script, kept with a failing run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

KILLS = {"child": 60, "web": 9, "scheduler": 8, "broker": 6, "worker": 5, "database": 5}
"""Whom a kill -9 hits, by weight. A worker needs some seconds to come up, and a broker that dies may take it along:
with more of these nobody would ever work, and nobody could be caught in the middle of it."""
OTHERS = {"stop": 5, "flush": 3, "cut": 3, "outage": 1, "clock": 0.3, "chatwoot": 2}
"""What else happens: each once, then by weight, about one for every four kills. After a step of the clock no lease ends
for a minute, so these are rare."""
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
    kinds = [*OTHERS, *chance.choices(list(OTHERS), weights=list(OTHERS.values()), k=max(0, kills // 4 - len(OTHERS)))]
    faults += [_other(chance, chance.randrange(last), kind) for kind in kinds if kills]
    return sorted(faults, key=lambda fault: (fault.step, fault.kind, fault.target, fault.seconds))


def _kill(chance: random.Random, step: int, targets: dict[str, int]) -> Fault:
    target = chance.choices(list(targets), weights=list(targets.values()))[0]
    return Fault(step, "kill", target, round(chance.uniform(0.0, 0.8), 2))


def _other(chance: random.Random, step: int, kind: str) -> Fault:
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
