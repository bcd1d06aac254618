"""One ticket for people: its record, then its history with the reason of each line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli import words
from worker.cli.event_words import what
from worker.cli.output import cell, print_table
from worker.domain.acting import legal_verbs
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.store.database import Database


def record(db: Database, number: int) -> shapes.Shape:
    """The ticket's JSON with its `history` and the `verbs` that its status allows. Raises NotFound."""
    from worker.store import tickets

    found = tickets.get(db, number)
    if found is None:
        raise NotFound(f"There is no ticket t{number}. `hookdesk tickets` lists them.")
    events = tickets.events_of(db, number)
    verbs = legal_verbs(found.ticket.status) if found.ticket is not None else ()
    return shapes.ticket(found) | {
        "description": found.ticket.description if found.ticket is not None else "",
        "verbs": [verb.value for verb in verbs],
        "history": [shapes.event(event) for event in events],
    }


def page(found: shapes.Shape) -> None:
    """Print it."""
    click.echo(f"t{found['id']} {cell(found['subject']) or '(no subject)'}")
    for name, value in _lines(found):
        click.echo(f"   {name:<12} {cell(value)}")
    click.echo()
    history = (
        (each["at"], what(each["name"]), each["reason"], words.came_from(each["cause"])) for each in found["history"]
    )
    print_table(("time", "what", "why", "from"), history, empty="Nothing has happened yet.")


def _lines(found: shapes.Shape) -> Iterator[tuple[str, Any]]:
    """What is known, in the order of interest; what is not known is left out."""
    escalation, resolution = found["escalation"], found["resolution"] or {}
    lines = (
        ("source", f"{found['source']} {found['external_id']}"),
        ("status", found["status"].replace("_", " ")),
        ("priority", f"{found['priority']}, score {found['score']}" if found["priority"] else None),
        ("category", found["category"]),
        ("channel", (found["channel"] or "").replace("_", " ")),
        ("requester", _name(found["requester"])),
        ("organization", found["organization"]),
        ("assignee", _name(found["assignee"])),
        ("team", _name(found["team"])),
        ("tags", ", ".join(found["tags"])),
        *((name, value) for name, value in found["fields"].items()),
        ("escalation", f"level {escalation['level']}: {escalation['reason']}" if escalation["level"] else None),
        ("resolution", resolution.get("text")),
        ("reopened", f"{found['reopen_count']} ×" if found["reopen_count"] else None),
        ("created", found["created_at"]),
        ("closed", found["closed_at"]),
        ("next", ", ".join(found["verbs"])),
    )
    return ((name, value) for name, value in lines if value)


def _name(who: dict[str, Any] | None) -> str | None:
    """By name and address, as far as they are known."""
    if who is None:
        return None
    return " ".join(part for part in (who.get("name"), who.get("email")) if part) or who.get("id")
