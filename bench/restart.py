"""A restart with a backlog: how long until the first of it is processed, and until all is."""

from __future__ import annotations

from bench import traffic
from bench.backlog import Drained, drain_hookdesk, drain_recipe
from bench.findings import Cell, Findings, Table
from bench.place import Place

TOLD = (
    "Deliveries of new tickets are accepted while nothing else runs; then everything is started at once. Times count "
    "from that start, and so include the start of every process.",
    "For the recipe the backlog lies in Valkey, which is stopped and loads it from its file.",
)


def run(place: Place) -> Findings:
    """One after the other, each alone."""
    found: dict[str, Drained] = {}
    for store in place.stores:
        desk = place.hookdesk(store)
        count = place.sizes.backlog
        place.say(f"restart: a backlog of {count:,} for Hookdesk, {store}")
        found[f"Hookdesk, {store}"] = drain_hookdesk(desk, traffic.new_tickets(place.sender.numbers(count), count))
        place.forget(desk)
    if place.has_recipe:
        count = place.sizes.recipe_backlog
        place.say(f"restart: a backlog of {count:,} for the recipe")
        found["recipe"] = drain_recipe(place.recipe(), traffic.new_tickets(place.sender.numbers(count), count))
    rows: list[list[Cell]] = [
        [name, one.count, one.first, one.last, one.count / one.last if one.last else None]
        for name, one in found.items()
    ]
    headings = ["who", "backlog", "s to the first", "s to the last", "per second overall"]
    return Findings("Restart with a backlog", [*TOLD, *place.without], [Table("After a restart", headings, rows)])
