"""Processing: how many accepted deliveries a second become tickets, routed and under their clocks, and committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from bench import traffic
from bench.backlog import Drained, drain_hookdesk, drain_recipe, rows
from bench.findings import Cell, Findings, Table
from bench.hookdesk import Hookdesk
from bench.numbers import ratios
from bench.place import Place, turns

NEW, MIX, RECIPE = "new tickets", "a mix", "recipe"
TOLD = (
    "A backlog of accepted deliveries is drained by all of Hookdesk with its default two worker processes, started "
    "after accepting. The rate is that of the last three quarters: during the first, processes are still starting.",
    "“New tickets”: every delivery is a customer's first message: parsed, matched to a contact, categorised, scored, "
    "routed to an agent by load, put under its SLA clocks, and what follows is stored. “A mix”: whole stories, from "
    "the first message to resolved and opened again, with the several deliveries that Chatwoot makes of one change.",
    "No Chatwoot is connected, so that effects are decided and stored but not performed. The recipe stores one row.",
)


def run(place: Place) -> Findings:
    """Each contender in turn; the databases stay over the rounds."""
    desks = {f"Hookdesk, {store}": place.hookdesk(store) for store in place.stores}
    recipe = place.recipe() if place.has_recipe else None
    measured: dict[tuple[str, str], list[Drained]] = defaultdict(list)
    names = [*desks, *([RECIPE] if recipe is not None else [])]
    for order in turns(names, place.sizes.other_rounds):
        for kind in (NEW, MIX):
            for name in order:
                if name in desks:
                    drained = drain_hookdesk(desks[name], _bodies(place, kind, place.sizes.processed))
                elif recipe is not None:
                    drained = drain_recipe(recipe, _bodies(place, kind, place.sizes.recipe_processed))
                place.say(f"processed, {kind}: {name} {drained.rate:,.0f}/s")
                measured[kind, name].append(drained)
    return Findings("Processed to commit", [*TOLD, *place.without], [_rates(names, measured), _stored(desks)])


def _bodies(place: Place, kind: str, count: int) -> Iterable[bytes]:
    return traffic.mix(count) if kind == MIX else traffic.new_tickets(place.sender.numbers(count), count)


def _rates(names: list[str], measured: dict[tuple[str, str], list[Drained]]) -> Table:
    body: list[list[Cell]] = []
    for kind in (NEW, MIX):
        for name in names:
            found = measured[kind, name]
            rates = [one.rate for one in found]
            row: list[Cell] = [kind, name, sum(one.count for one in found), median(rates), min(rates), max(rates)]
            if RECIPE in names:
                middle, low, high = ratios(rates, [one.rate for one in measured[kind, RECIPE]])
                row.append(f"{middle:.2f} ({low:.2f}–{high:.2f})")
            body.append(row)
    headings = ["what", "who", "deliveries", "per second", "slowest", "fastest"]
    return Table("Deliveries processed per second", [*headings, *(["÷ recipe"] if RECIPE in names else [])], body)


def _stored(desks: dict[str, Hookdesk]) -> Table:
    """So that nobody has to believe that all of it was done."""
    body: list[list[Cell]] = []
    headings: list[str] = []
    for name, desk in desks.items():
        db = desk.database()
        found = rows(db)
        db.dispose()
        headings = list(found)
        body.append([name, *found.values()])
    return Table("Rows that Hookdesk has stored meanwhile", ["who", *headings], body)
