"""`hookdesk escalations`: what went to a senior, why, how far, and who has it now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli.opening import database
from worker.cli.output import as_json, limited, print_json, print_table, shortened

if TYPE_CHECKING:
    from worker.domain.facts import Escalated
    from worker.store.ticket_rows import StoredTicket


@click.command()
@click.option("--open", "only_open", is_flag=True, help="Only tickets that are still open.")
@limited
@as_json
@click.pass_context
def escalations(ctx: click.Context, only_open: bool, limit: int, as_json: bool) -> None:
    """List escalated tickets, the open ones first: reason, level, since when, who has it."""
    from worker.store.escalations import list_escalated

    with database(ctx) as db:
        found = list_escalated(db, only_open=only_open, limit=limit)
    rows = [row for each in found for row in _rows(each)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("ticket", "status", "priority", "level", "reason", "since", "who has it", "subject"),
        (
            (f"t{row['ticket_id']}", row["status"], row["priority"], row["level"], row["reason"], row["since"],
             _holder(row), shortened(row["subject"], 40))
            for row in rows
        ),
        empty="Nothing is escalated." if only_open else "Nothing was escalated. `hookdesk policy` shows the rules.",
    )  # fmt: skip


def _rows(stored: StoredTicket) -> Iterator[dict[str, Any]]:
    """One for each rule that fired, at its highest level, the newest first."""
    record = stored.ticket
    if record is None:
        return
    for steps in sorted(_by_rule(record.escalations), key=lambda each: each[0].at, reverse=True):
        yield {
            "ticket_id": stored.id,
            "status": record.status.value,
            "priority": record.priority,
            "rule": steps[-1].rule,
            "reason": steps[-1].reason,
            "level": steps[-1].level,
            "since": steps[0].at,
            "level_since": steps[-1].at,
            "assignee": shapes.person(record.assignee),
            "team": shapes.person(record.team),
            "subject": record.subject,
        }


def _by_rule(escalations: Iterable[Escalated]) -> list[list[Escalated]]:
    found: dict[str, list[Escalated]] = {}
    for one in sorted(escalations, key=lambda each: (each.at, each.level)):
        found.setdefault(one.rule, []).append(one)
    return list(found.values())


def _holder(row: dict[str, Any]) -> str:
    return ", ".join(each["name"] or each["id"] for each in (row["assignee"], row["team"]) if each) or "nobody"
