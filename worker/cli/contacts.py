"""`hookdesk contacts` and `hookdesk organizations`: whom we know, and what they asked for before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from worker import shapes
from worker.cli.group import Guessing, settings_of
from worker.cli.opening import database
from worker.cli.output import as_json, cell, console, limited, print_json, print_table, shortened
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.store.contact_reads import StoredContact
    from worker.store.database import Database
    from worker.store.ticket_rows import StoredTicket


@click.group(cls=Guessing)
def contacts() -> None:
    """Who writes to us, by every name they go under."""


@contacts.command("list")
@click.option("--organization", help="Only those of this one.")
@click.option("--search", default="", help="Only those with this in their name or address.")
@limited
@as_json
@click.pass_context
def list_(ctx: click.Context, organization: str | None, search: str, limit: int, as_json: bool) -> None:
    """List contacts, those seen last first."""
    from worker.store.contact_reads import list_contacts

    with database(ctx) as db:
        rows = list_contacts(db, organization=organization, text=search, limit=limit)
    if as_json:
        print_json(_shape(row) for row in rows)
        return
    print_table(
        ("id", "name", "e-mail", "organization", "tier", "tickets", "last seen"),
        (
            (f"c{row.id}", shortened(row.name, 30), row.email, row.organization, row.tier, row.tickets,
             row.last_seen_at)
            for row in rows
        ),
        empty="Nobody like that." if organization or search else "Nobody yet. Every requester becomes a contact.",
    )  # fmt: skip


@contacts.command(short_help="One contact, with every ticket of theirs.")
@click.argument("who", metavar="CONTACT")
@limited
@as_json
@click.pass_context
def show(ctx: click.Context, who: str, limit: int, as_json: bool) -> None:
    """Show CONTACT: c5, an e-mail address, or an id like chatwoot:41; and their tickets, the newest first."""
    from worker.store.contact_reads import tickets_of

    with database(ctx) as db:
        contact = _found(db, who)
        history = tickets_of(db, contact.id, limit=limit)
    if as_json:
        print_json([_shape(contact) | {"history": [shapes.ticket(each) for each in history]}])
        return
    for sentence in _sentences(contact):
        console().print(sentence, markup=False)
    click.echo()
    print_table(("id", "created", "status", "priority", "category", "subject"), map(_row, history), empty="No tickets.")


@click.command()
@limited
@as_json
@click.pass_context
def organizations(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List customers: those who have written, and those the policy file names."""
    from worker.policy_file import load_policy
    from worker.store.contact_reads import list_organizations
    from worker.store.organizations import key_of

    rules = load_policy(settings_of(ctx).config).organizations
    with database(ctx) as db:
        found = list_organizations(db, limit=limit)
    by_rule = {key_of(rule.name): rule for rule in rules}
    rows: list[dict[str, Any]] = []
    for one in found:
        rule = by_rule.pop(key_of(one.name), None)
        now = (list(rule.domains), rule.tier, rule.value) if rule is not None else ([], "", 0)
        rows.append(_organization(one.id, one.name, *now, contacts=one.contacts, tickets=one.tickets))
    rows += [_organization(None, rule.name, list(rule.domains), rule.tier, rule.value) for rule in by_rule.values()]
    rows = sorted(rows, key=lambda row: key_of(row["name"]))[:limit]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("name", "domains", "tier", "value", "contacts", "tickets"),
        ((r["name"], ", ".join(r["domains"]), r["tier"], r["value"], r["contacts"], r["tickets"]) for r in rows),
        empty="None yet. Name them under [[organizations]] in hookdesk.toml.",
    )


def _found(db: Database, who: str) -> StoredContact:
    """Raises NotFound."""
    from worker.store.contact_reads import contact_known_as, get_contact

    number = re.fullmatch(r"[cC]?(\d{1,18})", who.strip())
    identity = f"email:{who.strip().lower()}" if "@" in who and ":" not in who else who.strip()
    contact_id = int(number[1]) if number else contact_known_as(db, identity)
    contact = get_contact(db, contact_id) if contact_id is not None else None
    if contact is None:
        raise NotFound(f"There is no contact {who}. `hookdesk contacts list` lists them.")
    return contact


def _shape(row: StoredContact) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "language": row.language or None,
        "organization": row.organization,
        "tier": row.tier or None,
        "identities": list(row.identities),
        "tickets": row.tickets,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
    }


def _organization(
    number: int | None, name: str, domains: list[str], tier: str, value: int, *, contacts: int = 0, tickets: int = 0
) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "domains": domains,
        "tier": tier or None,
        "value": value,
        "contacts": contacts,
        "tickets": tickets,
    }


def _sentences(row: StoredContact) -> tuple[str, ...]:
    of = f" of {row.organization}" + (f" (tier {row.tier})" if row.tier else "") if row.organization else ""
    return (
        f"c{row.id} {cell(row.name) or '(no name)'}{cell(of)}",
        f"   known as {cell(', '.join(row.identities))}" + (f" · writes {row.language}" if row.language else ""),
        f"   first seen {cell(row.first_seen_at)} · last seen {cell(row.last_seen_at)} · times are UTC",
        f"   {row.tickets} ticket{'' if row.tickets == 1 else 's'}",
    )


def _row(each: StoredTicket) -> tuple[object, ...]:
    record = each.ticket
    if record is None:
        return (f"t{each.id}", None, "new", None, None, None)
    subject = shortened(record.subject, 60)
    return (f"t{each.id}", record.created_at, record.status, record.priority, record.category, subject)
