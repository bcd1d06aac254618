"""Contacts: whom we know, by every name they go under. Found or made for a whole batch in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from worker.domain.facts import Matched
from worker.domain.people import MOST_EARLIER, Sighting
from worker.domain.policy import OrganizationRule
from worker.store import storable
from worker.store.bulk import by_keys, given_rows, given_values, insert_rows, one_of, update_rows
from worker.store.organizations import Organization, Rules, key_of, known_by_key
from worker.store.schema import contact_identities, contacts, tickets
from worker.store.schema import organizations as groups_table

SEEN_AGAIN = timedelta(minutes=1)
"""How exact `last_seen_at` is: somebody who writes ten times a second is not stored ten times a second."""

Earlier = tuple[int, int | None, datetime | None]  # how many tickets before, the id of the last, its time


@dataclass(slots=True, eq=False)
class _Contact:
    """One contact in the making; `id` is 0 until a new one is stored."""

    id: int = 0
    name: str = ""
    email: str | None = None
    language: str = ""
    organization: str = ""  # the name
    organization_id: int | None = None
    last_seen_at: datetime | None = None
    is_new: bool = False
    is_changed: bool = False
    met: list[tuple[int, Sighting]] = field(default_factory=list)  # by ticket


def match_all(
    conn: Connection, wanted: Mapping[int, Sighting], *, organizations: Sequence[OrganizationRule], now: datetime
) -> dict[int, Matched]:
    """Whom the requester of each ticket is, by the ticket's id. New ones are made, known ones brought up to date.

    The first of a requester's identities that is known decides; another is added if nobody has it. Two contacts that
    exist are never made one. The tickets are locked by the caller; what is written here waits for nobody else's
    transaction but one that makes the same contact at the same time.
    """
    if not wanted:
        return {}
    rules = Rules(organizations)
    names = {ticket: _names(one) for ticket, one in wanted.items()}
    book = _known(conn, {name for each in names.values() for name in each})
    known = frozenset(book)
    met: dict[_Contact, None] = {}
    for ticket, sighting in sorted(wanted.items()):
        contact = next((book[name] for name in names[ticket] if name in book), None) or _Contact(is_new=True)
        for name in names[ticket]:
            book.setdefault(name, contact)
        _learn(contact, sighting, rules)
        contact.met.append((ticket, sighting))
        met[contact] = None
    groups = known_by_key(conn, [one.organization for one in met if one.organization], rules)
    for one in met:
        _belong(one, groups)
        if one.last_seen_at is not None and now - one.last_seen_at >= SEEN_AGAIN:
            one.is_changed = True
    earlier = _earlier(conn, [(ticket, one.id) for one in met if not one.is_new for ticket, _ in one.met])
    _update(conn, [one for one in met if one.is_changed and not one.is_new], now=now)
    _insert(conn, [one for one in met if one.is_new], now=now)
    _add_names(conn, {name: one for name, one in book.items() if name not in known})
    return {ticket: match for one in met for ticket, match in _matches(one, groups, earlier, now=now)}


def _names(sighting: Sighting) -> tuple[str, ...]:
    return tuple(storable.key(each, 400) for each in sighting.identities)


def _known(conn: Connection, names: Iterable[str]) -> dict[str, _Contact]:
    wanted = {(name,) for name in names}
    if not wanted:
        return {}
    identities = by_keys(conn, contact_identities, ("identity",), wanted)
    query = (
        select(
            identities.c.identity, contacts.c.id, contacts.c.name, contacts.c.email, contacts.c.language,
            groups_table.c.name.label("organization"), contacts.c.organization_id, contacts.c.last_seen_at,
        )
        .join(contacts, contacts.c.id == identities.c.contact_id)
        .outerjoin(groups_table, groups_table.c.id == contacts.c.organization_id)
    )  # fmt: skip
    found: dict[int, _Contact] = {}
    book: dict[str, _Contact] = {}
    for identity, number, name, email, language, organization, organization_id, seen_at in conn.execute(query):
        contact = found.setdefault(
            number, _Contact(number, name, email, language, organization or "", organization_id, seen_at)
        )
        book[identity] = contact
    return book


def _learn(contact: _Contact, sighting: Sighting, rules: Rules) -> None:
    """What the newest sighting says wins; what it leaves out stays. An address that is known is kept."""
    person = sighting.person
    rule = rules.of(sighting)
    before = (contact.name, contact.email, contact.language)
    contact.name = storable.text(person.name.strip(), 200) or contact.name
    contact.email = contact.email or storable.optional_text((person.email or "").strip() or None, 320)
    contact.language = storable.text(sighting.language, 20) or contact.language
    contact.organization = (rule.name if rule is not None else sighting.organization.strip()) or contact.organization
    contact.is_changed = contact.is_changed or before != (contact.name, contact.email, contact.language)


def _belong(contact: _Contact, groups: Mapping[str, Organization]) -> None:
    group = groups.get(key_of(contact.organization)) if contact.organization else None
    if group is not None and group.id != contact.organization_id:
        contact.organization_id, contact.is_changed = group.id, True


def _earlier(conn: Connection, rows: Sequence[tuple[int, int]]) -> dict[int, Earlier]:
    """Of each (ticket, contact) that is known: the tickets before it, but for those of this batch."""
    if not rows:
        return {}
    given = given_rows(conn, tickets, ("id", "contact_id"))
    other, last = tickets.alias("other"), tickets.alias("last")
    batch = one_of(conn, other.c.id, [ticket for ticket, _ in rows])
    before = (other.c.contact_id == given.c.contact_id, other.c.id < given.c.id, ~batch)
    some = select(other.c.id).where(*before).correlate(given).limit(MOST_EARLIER).subquery("some")
    count = select(func.count()).select_from(some).scalar_subquery().label("n")
    newest = select(func.max(other.c.id)).where(*before).correlate(given).scalar_subquery().label("newest")
    each = select(given.c.id, count, newest).subquery("each_of_them")
    query = select(each.c.id, each.c.n, last.c.id, last.c.created_at).outerjoin(last, last.c.id == each.c.newest)
    values = given_values(conn, [{"id": ticket, "contact_id": contact} for ticket, contact in rows])
    return {ticket: (n, newest_id, at) for ticket, n, newest_id, at in conn.execute(query, values)}


def _update(conn: Connection, changed: Sequence[_Contact], *, now: datetime) -> None:
    """Those that nobody else is bringing up to date just now: waiting for each other would hold up whole batches."""
    if not changed:
        return
    ids = sorted(one.id for one in changed)
    mine = select(contacts.c.id).where(one_of(conn, contacts.c.id, ids)).order_by(contacts.c.id)
    free = set(conn.execute(mine.with_for_update(key_share=True, skip_locked=True)).scalars())
    rows = [{"id": one.id, **_columns(one), "last_seen_at": now} for one in changed if one.id in free]
    update_rows(conn, contacts, sorted(rows, key=lambda row: row["id"]))


def _columns(contact: _Contact) -> dict[str, str | int | None]:
    return {
        "name": contact.name,
        "email": contact.email,
        "language": contact.language,
        "organization_id": contact.organization_id,
    }


def _insert(conn: Connection, new: Sequence[_Contact], *, now: datetime) -> None:
    """The rows come back in no promised order: those that are equal are anybody's."""
    rows = [{**_columns(one), "first_seen_at": now, "last_seen_at": now} for one in new]
    made: dict[tuple[object, ...], list[int]] = defaultdict(list)
    names = ("name", "email", "language", "organization_id")
    for row in insert_rows(conn, contacts, rows, returning=("id", *names)):
        made[tuple(row[1:])].append(row.id)
    for one in new:
        one.id = made[tuple(_columns(one)[name] for name in names)].pop()


def _add_names(conn: Connection, wanted: Mapping[str, _Contact]) -> None:
    """In one order for everybody. What another transaction was faster with is theirs, and so is our new contact."""
    rows = [{"identity": name, "contact_id": one.id} for name, one in sorted(wanted.items())]
    ours = {row.identity for row in insert_rows(conn, contact_identities, rows, returning=("identity",), ignore=True)}
    lost = [name for name in wanted if name not in ours]
    if not lost:
        return
    query = select(contact_identities).where(contact_identities.c.identity.in_(lost))
    owners = {row.identity: row.contact_id for row in conn.execute(query)}
    for name in lost:
        contact, owner = wanted[name], owners[name]
        if contact.is_new:  # made just now, for nothing
            mine = update(contact_identities).where(contact_identities.c.contact_id == contact.id)
            conn.execute(mine.values(contact_id=owner))
            conn.execute(delete(contacts).where(contacts.c.id == contact.id))
            contact.id, contact.is_new = owner, False


def _matches(
    contact: _Contact, groups: Mapping[str, Organization], earlier: Mapping[int, Earlier], *, now: datetime
) -> Iterator[tuple[int, Matched]]:
    group = groups.get(key_of(contact.organization)) if contact.organization else None
    for n, (ticket, _) in enumerate(contact.met):
        count, last, last_at = earlier.get(ticket, (0, None, None))
        if n:  # of this batch, so newer than all that are stored
            last, before = contact.met[n - 1]
            last_at = before.at
        yield (
            ticket,
            Matched(
                contact=contact.id,
                at=now,
                organization=group.name if group is not None else "",
                tier=group.tier if group is not None else "",
                value=group.value if group is not None else 0,
                language=contact.language,
                earlier=min(count + n, MOST_EARLIER),
                last_ticket=last,
                last_at=last_at,
            ),
        )
