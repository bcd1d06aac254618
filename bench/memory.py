"""Memory over time: what each process holds while webhooks come at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Mapping

from bench.findings import Cell, Findings, Plot, Table
from bench.numbers import slope
from bench.paced import CONNECTIONS, Contender, settle, start
from bench.place import Place, running
from bench.processes import family, resident_mib

MOST_SECONDS = 30.0  # of load between two looks
LOOKS = 30
WARM_SHARE = 0.25  # of the time, before growth is judged
Series = dict[str, list[list[float]]]
LABELS = {"web": "receiver", "gunicorn": "receiver", "celery": "worker"}


def run(place: Place) -> Findings:
    """Hookdesk on the main store, then the recipe, each alone for the given minutes."""
    contenders: dict[str, Contender] = {f"Hookdesk, {place.stores[0]}": place.hookdesk(place.stores[0])}
    if place.has_recipe:
        contenders["recipe"] = place.recipe()
    rows: list[list[Cell]] = []
    plots = []
    for number, (name, one) in enumerate(contenders.items()):
        place.say(f"memory: {name} for {place.sizes.memory_minutes:g} minutes")
        with running(one):
            start(one)
            series = _watch(place, one)
        rows += [[f"{name}: {process}", *_judged(points)] for process, points in series.items()]
        lines = {process: [[x, y] for x, y in points] for process, points in series.items()}
        plots.append(Plot(f"memory-{number + 1}", f"Memory of {name}", "minutes", "MiB resident", lines))
    told = (
        f"{place.sizes.paced_rate:g} new tickets a second for {place.sizes.memory_minutes:g} minutes over "
        f"{CONNECTIONS} connections; resident memory of every process. What processes share is counted in each.",
        "Growth is the slope of a straight line through the last three quarters of the time. A short run shows "
        "warming up, not leaks: an hour says more (`python -m bench memory --minutes 60`).",
        "The broker of Hookdesk holds wake-ups, that of the recipe every task that waits and what was seen in a week.",
    )
    headings = ["process", "MiB at the start", "MiB at the end", "most", "growth, MiB per hour"]
    table = Table("Resident memory", headings, rows)
    return Findings("Memory over time", [*told, *place.without], [table], plots)


def _watch(place: Place, one: Contender) -> Series:
    total = place.sizes.memory_minutes * 60
    series: Series = {}
    began = time.monotonic()
    while (passed := time.monotonic() - began) < total:
        _look(series, one.pids(), passed / 60)
        seconds = min(MOST_SECONDS, total / LOOKS, max(0.1, total - passed))
        place.sender.paced(one, connections=CONNECTIONS, seconds=seconds, rate=place.sizes.paced_rate)
        settle(one)
    _look(series, one.pids(), (time.monotonic() - began) / 60)
    return series


def _look(series: Series, pids: Mapping[str, int], minutes: float) -> None:
    for role, pid in pids.items():
        for n, member in enumerate(family(pid)):
            found = resident_mib(member)
            if found is not None:
                label = LABELS.get(role, role) + (f", child {n}" if n else "")
                series.setdefault(label, []).append([minutes, found])


def _judged(points: list[list[float]]) -> list[Cell]:
    settled = [(x, y) for x, y in points if x >= points[-1][0] * WARM_SHARE]
    return [points[0][1], points[-1][1], max(y for _, y in points), slope(settled) * 60]
