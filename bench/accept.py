"""Accepting: how many signed, distinct webhooks a receiver answers, and how long each takes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from bench.findings import Cell, Findings, Plot, Table
from bench.nothing import Nothing
from bench.numbers import milliseconds, ratios
from bench.place import Place, Stoppable, running, turns
from bench.recipes import Recipe
from bench.sending import Receiver

RECIPE, NOTHING = "recipe", "no-op"
COLUMNS = ("p50", "p99", "p99.9", "max")
TOLD = (
    "Signed webhooks of some 3.5 KB, each of a new conversation, as fast as they are answered. Only receivers run: "
    "what is accepted stays in the inbox (or the queue). The part `paced` has the whole systems.",
    "Hookdesk answers after a commit with fsync. The recipe answers once Valkey has its task, which is on disk up to a "
    "second later. The no-op is a Flask view on Hookdesk's own server and front that verifies and stores nothing.",
    "Times are those of all rounds together; rates are the median of the rounds; ratios are the median of the pairs of "
    "one round, with the smallest and the largest.",
)


@dataclass
class Measured:
    """What came of one contender at one number of connections, over all rounds."""

    rates: list[float] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)
    failures: int = 0


def run(place: Place) -> Findings:
    """Everybody at once on the machine, one after the other under load."""
    desks = {f"Hookdesk, {store}": place.hookdesk(store) for store in place.stores}
    recipe = place.recipe() if place.has_recipe else None
    nothing = Nothing(place.new_folder("noop"), next(iter(desks.values())))
    started: list[Stoppable] = [*desks.values(), *([recipe] if recipe else []), nothing]
    with running(*started):
        for desk in desks.values():
            desk.start_receiver()
        if recipe is not None:
            _open(recipe)
        nothing.start_receiver()
        contenders: dict[str, Receiver] = {**desks, **({RECIPE: recipe} if recipe else {}), NOTHING: nothing}
        measured = _measure(place, contenders)
    return _findings(place, list(contenders), measured)


def _open(recipe: Recipe) -> None:
    recipe.start_broker()
    recipe.start_receiver()


def _measure(place: Place, contenders: dict[str, Receiver]) -> dict[tuple[int, str], Measured]:
    measured: dict[tuple[int, str], Measured] = defaultdict(Measured)
    for to in contenders.values():
        place.sender.flat_out(to, connections=8, seconds=min(1.0, place.sizes.accept_seconds))  # warm
    for connections in place.sizes.connections:
        for n, order in enumerate(turns(list(contenders), place.sizes.rounds), start=1):
            for name in order:
                sample = place.sender.flat_out(
                    contenders[name], connections=connections, seconds=place.sizes.accept_seconds
                )
                place.say(f"accept, {connections} connections, round {n}: {name} {sample.rate:,.0f}/s")
                one = measured[connections, name]
                one.rates.append(sample.rate)
                one.micros += sample.micros
                one.failures += sample.failures
    return measured


def _findings(place: Place, names: list[str], measured: dict[tuple[int, str], Measured]) -> Findings:
    rows: list[list[Cell]] = []
    for connections in place.sizes.connections:
        for name in names:
            one = measured[connections, name]
            times = milliseconds(one.micros)
            rows.append([connections, name, median(one.rates), *(times[c] for c in COLUMNS), one.failures])
    headings = ["connections", "who", "answers/s", *(f"{c} ms" for c in COLUMNS), "not 200"]
    lines = {name: [[c, median(measured[c, name].rates)] for c in place.sizes.connections] for name in names}
    plot = Plot("accept", "Webhooks accepted per second", "connections", "answers per second", lines, log_x=True)
    tables = [Table("Accepted per second, and how long each took", headings, rows), *_ratios(place, names, measured)]
    return Findings("Accept", [*TOLD, *place.without], tables, [plot])


def _ratios(place: Place, names: list[str], measured: dict[tuple[int, str], Measured]) -> list[Table]:
    others = [name for name in (RECIPE, NOTHING) if name in names]
    ours = [name for name in names if name not in others]
    pairs = [(mine, other) for other in others for mine in ours]
    rows: list[list[Cell]] = []
    for connections in place.sizes.connections:
        row: list[Cell] = [connections]
        for mine, other in pairs:
            middle, low, high = ratios(measured[connections, mine].rates, measured[connections, other].rates)
            row.append(f"{middle:.2f} ({low:.2f}–{high:.2f})")
        rows.append(row)
    headings = ["connections", *(f"{mine} ÷ {other}" for mine, other in pairs)]
    return [
        Table("Rates as multiples", headings, rows),
        Table("p99 as multiples", headings, _slowness(place, pairs, measured)),
    ]


def _slowness(
    place: Place, pairs: list[tuple[str, str]], measured: dict[tuple[int, str], Measured]
) -> list[list[Cell]]:
    """Below 1: the slowest answers of the first come sooner than those of the second."""
    rows: list[list[Cell]] = []
    for connections in place.sizes.connections:
        p99 = {name: milliseconds(measured[connections, name].micros)["p99"] for pair in pairs for name in pair}
        rows.append([connections, *(f"{p99[mine] / p99[other]:.2f}" for mine, other in pairs)])
    return rows
