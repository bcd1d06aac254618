"""`hookdesk trace`: the whole life of a delivery or a ticket, with every reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli import clock_words, trace_head, words
from worker.cli.event_words import STAGES
from worker.cli.ids import AnyId
from worker.cli.life import Life, Line, in_order, life_of_delivery, life_of_ticket
from worker.cli.opening import database, policy_if_any
from worker.cli.output import as_json, cell, console, print_json, print_table
from worker.cli.trace_head import row
from worker.domain.wording import hours

if TYPE_CHECKING:
    from worker.domain.ticket import Clock


@click.command()
@click.argument("what", metavar="ID", type=AnyId("dt"))
@as_json
@click.pass_context
def trace(ctx: click.Context, what: tuple[str, int], as_json: bool) -> None:
    """Tell the life of a delivery (d17) or a ticket (t9): receipts, decisions, clocks, timers, effects, and why."""
    letter, number = what
    with database(ctx) as db:
        life = life_of_ticket(db, number) if letter == "t" else life_of_delivery(db, number)
    now = datetime.now(UTC)
    clocks = clock_words.counted_on(life.clocks, policy_if_any(ctx), now) if life.clocks else ()
    if as_json:
        print_json([{"kind": "head", **_head(life)}])
        print_json(line.shape() for line in life.lines)
        print_json({"kind": "clock", **clock_words.shape(clock, now)} for clock in clocks)
        return
    opening = (
        trace_head.lines(life.stored, life.following, life.others) if life.stored is not None else _delivery(life.head)
    )
    for sentence in opening:
        console().print(sentence, markup=False)
    click.echo()
    _tell(life, clocks, now=now)
    if clocks:
        click.echo(f"`hookdesk sla explain t{number}` counts every stretch of the clocks.")


def _head(life: Life) -> dict[str, Any]:
    return trace_head.shape(life.stored, life.following, life.others) if life.stored is not None else life.head


def _delivery(head: dict[str, Any]) -> Iterator[str]:
    yield f"d{head['id']} {head['event'] or 'a request'} from {head['source']}"
    ticket = f"ticket t{head['ticket_id']}" if head["ticket_id"] else "no ticket"
    first = f"the same as d{head['duplicate_of']}" if head["duplicate_of"] else ""
    yield row(head["state"], head["outcome"], cell(words.cause(head["cause"], None)), first, ticket)
    yield row(f"received {cell(head['received_at'])}", "times are UTC")


def _tell(life: Life, clocks: Sequence[Clock], *, now: datetime) -> None:
    told = in_order(line for line in life.lines if not line.told_elsewhere)
    past = [line for line in told if line.at <= now]
    print_table(("time", "stage", "what", "why"), _by_day(past), empty="")
    if ahead := [line for line in told if line.at > now]:
        click.echo("\nStill to come")
        print_table(("time", "what", "why"), ((line.at, line.told, _why(line)) for line in ahead), empty="")
    if clocks:
        click.echo("\nSLA clocks")
        print_table(
            ("clock", "policy", "promised", "counted", "not counted", "deadline", "standing"),
            (_clock(clock, now) for clock in clocks),
            empty="",
        )
    stages = {line.stage for line in told}
    meaning = "; ".join(f"{stage}: {about}" for stage, about in STAGES.items() if stage in stages)
    click.echo()
    console().print(f"Stages – {meaning}.", markup=False)
    console().print("In brackets what led to it; d1 is a delivery, e1 an effect, a1 a follow-up, t1 a ticket.")


def _clock(clock: Clock, now: datetime) -> tuple[object, ...]:
    told = clock_words.shape(clock, now)
    paused: dict[str, float] = {}
    for each in clock.spans:
        if not each.counts:
            paused[each.why] = paused.get(each.why, 0.0) + ((each.end or now) - each.start).total_seconds()
    left_out = [f"{hours(sum_)} {clock_words.PAUSES.get(why, why)}" for why, sum_ in paused.items() if sum_ >= 0.5]
    if told["outside_hours_seconds"] >= 1:
        left_out.append(f"{hours(told['outside_hours_seconds'])} outside business hours")
    return (
        words.clock(clock.key), clock.policy, hours(clock.target_seconds), hours(told["counted_seconds"]),
        ", ".join(left_out), clock.deadline_at, _standing(clock),
    )  # fmt: skip


def _standing(clock: Clock) -> str:
    late = "breached" if clock.breached_at else ""
    if clock.met_at:
        return f"{f'{late}, then ' if late else ''}met {cell(clock.met_at)}"
    warned = f"{max(share for share, _ in clock.warned)} % used up" if clock.warned else ""
    return late or ", ".join(part for part in ("paused" if clock.paused else "running", warned) if part)


def _by_day(lines: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    """A row of its own for each new day, so that the others need only the time; and for each detail."""
    day = ""
    for line in lines:
        date, _, time = cell(line.at).partition(" ")
        if date != day:
            day = date
            yield date, "", "", ""
        yield f"  {time}", line.stage, line.told, _why(line)
        for detail in line.details:
            yield "", "", "", f"  {detail}"


def _why(line: Line) -> str:
    also = f"; {line.also}" if line.also else ""
    came_from = words.came_from(line.cause)
    is_new = came_from and came_from not in line.reason  # `close by lena` has said it
    return f"{line.reason}{also}" + (f" ({came_from})" if is_new else "")
