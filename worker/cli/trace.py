"""`hookdesk trace`: the whole life of a delivery or a ticket, with every reason."""

from __future__ import annotations

from typing import Any

import click

from worker.cli.ids import AnyId
from worker.cli.life import Line, life_of_delivery, life_of_ticket
from worker.cli.opening import database
from worker.cli.output import as_json, cell, console, print_json, print_table, span


@click.command()
@click.argument("what", metavar="ID", type=AnyId("dt"))
@as_json
@click.pass_context
def trace(ctx: click.Context, what: tuple[str, int], as_json: bool) -> None:
    """Tell the life of a delivery (d17) or a ticket (t9): receipts, decisions, clocks, timers, effects, and why."""
    letter, number = what
    with database(ctx) as db:
        life = life_of_ticket(db, number) if letter == "t" else life_of_delivery(db, number)
    if as_json:
        print_json([{"kind": "head", **life.head}])
        print_json(line.shape() for line in life.lines)
        print_json({"kind": "clock", **clock} for clock in life.clocks)
        return
    _tell_head(letter, number, life.head)
    print_table(
        ("time", "stage", "what", "why"),
        ((line.at, line.stage, line.what, _why(line)) for line in life.lines),
        empty="Nothing has happened yet.",
    )
    if life.clocks:
        click.echo("\nSLA clocks")
        print_table(
            ("clock", "policy", "target", "deadline", "met", "breached"),
            (
                (f"{clock['metric']}:{clock['ordinal']}", clock["policy"], span(clock["target_seconds"]),
                 "paused" if clock["paused"] and not clock["met_at"] else clock["deadline_at"],
                 clock["met_at"], clock["breached_at"])
                for clock in life.clocks
            ),
            empty="",
        )  # fmt: skip
        click.echo(f"`hookdesk sla explain t{number}` counts every stretch.")


def _tell_head(letter: str, number: int, head: dict[str, Any]) -> None:
    words = [
        f"{name.replace('_', ' ')} {_short(value)}" for name, value in head.items() if _is_worth_saying(name, value)
    ]
    console().print(f"{letter}{number}: {', '.join(words)}\n", markup=False)


def _is_worth_saying(name: str, value: Any) -> bool:
    return name not in ("id", "sla", "fields", "escalation") and value not in (None, [], {}, "", 0)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return cell(value.get("name") or value.get("email") or value.get("resolved_at") or value.get("id"))
    if isinstance(value, list):
        return ", ".join(cell(each) for each in value)
    return cell(value)


def _why(line: Line) -> str:
    cause = f" ({line.cause})" if line.cause and line.cause not in ("now", "routing") else ""
    return f"{line.reason}{cause}"
