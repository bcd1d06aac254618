"""`hookdesk trace`: the whole life of a delivery or a ticket, with every reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import click

from worker.cli import words
from worker.cli.ids import AnyId
from worker.cli.life import Life, Line, in_order, life_of_delivery, life_of_ticket
from worker.cli.opening import database
from worker.cli.output import as_json, cell, console, print_json, print_table
from worker.domain.wording import hours


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
    for sentence in _ticket(life.head) if letter == "t" else _delivery(life.head):
        console().print(sentence, markup=False)
    click.echo()
    _tell(life, now=datetime.now(UTC))
    if life.clocks:
        click.echo(f"`hookdesk sla explain t{number}` counts every stretch of the clocks.")


def _ticket(head: dict[str, Any]) -> Iterator[str]:
    yield f"t{head['id']} {cell(head['subject']) or '(no subject)'}"
    who, assignee, team = (_name(head[each]) for each in ("requester", "assignee", "team"))
    yield _row(
        f"{head['source']} {head['external_id']}", head["status"],
        f"priority {head['priority']}, score {head['score']}", f"category {head['category']}",
        f"channel {head['channel']}",
    )  # fmt: skip
    yield _row(f"from {who}", f"assigned to {assignee}", f"team {team}")
    again = f"reopened {head['reopen_count']} ×" if head["reopen_count"] else ""
    yield _row(f"created {cell(head['created_at'])}", f"last change {cell(head['updated_at'])}", again, "times are UTC")


def _delivery(head: dict[str, Any]) -> Iterator[str]:
    yield f"d{head['id']} {head['event'] or 'a request'} from {head['source']}"
    ticket = f"ticket t{head['ticket_id']}" if head["ticket_id"] else "no ticket"
    first = f"the same as d{head['duplicate_of']}" if head["duplicate_of"] else ""
    yield _row(head["state"], head["outcome"], cell(words.cause(head["cause"], None)), first, ticket)
    yield _row(f"received {cell(head['received_at'])}", "times are UTC")


def _row(*parts: str | None) -> str:
    return "   " + " · ".join(cell(part) for part in parts if part)


def _name(who: dict[str, Any] | None) -> str:
    return cell(who.get("name") or who.get("email") or who.get("id") or "unknown") if who else "nobody"


def _tell(life: Life, *, now: datetime) -> None:
    told = in_order(line for line in life.lines if not line.told_elsewhere)
    print_table(("time", "stage", "what", "why"), _by_day(line for line in told if line.at <= now), empty="")
    if ahead := [line for line in told if line.at > now]:
        click.echo("\nStill to come")
        print_table(("time", "what", "why"), ((line.at, line.what, _why(line)) for line in ahead), empty="")
    if life.clocks:
        click.echo("\nSLA clocks")
        print_table(
            ("clock", "policy", "target", "deadline", "standing"),
            (
                (words.clock(f"{clock['metric']}:{clock['ordinal']}"), clock["policy"], hours(clock["target_seconds"]),
                 clock["deadline_at"], _standing(clock))
                for clock in life.clocks
            ),
            empty="",
        )  # fmt: skip


def _standing(clock: dict[str, Any]) -> str:
    late = "breached" if clock["breached_at"] else ""
    if clock["met_at"]:
        return f"{f'{late}, then ' if late else ''}met {cell(clock['met_at'])}"
    return late or ("paused" if clock["paused"] else "running")


def _by_day(lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    """A row of its own for each new day, so that the others need only the time."""
    day = ""
    for line in lines:
        date, _, time = cell(line.at).partition(" ")
        if date != day:
            day = date
            yield date, "", "", ""
        yield f"  {time}", line.stage, line.what, _why(line)


def _why(line: Line) -> str:
    also = f"; {line.also}" if line.also else ""
    came_from = words.came_from(line.cause)
    return f"{line.reason}{also}" + (f" ({came_from})" if came_from else "")
