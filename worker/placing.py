"""Which ticket a delivery belongs to: by its key or its request; of a conversation closed before, also by its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from worker import doors
from worker.domain.facts import Author, Closed, Fact, Followed, Message, Parsed, Snapshot, TicketKey
from worker.domain.own import FOLLOWED
from worker.domain.ticket import Ticket
from worker.doors import Homes
from worker.errors import Unparsable
from worker.store import tickets
from worker.store.tickets import StoredTicket

Generations = list[StoredTicket]


def place(conn: Connection, read: Sequence[Parsed], *, now: datetime) -> list[StoredTicket | None]:
    """The locked ticket of each, None for what belongs to none; follow-ups of closed tickets are opened here.

    A survey names its ticket by id, everything else by key. Raises Unparsable for an id that does not exist.
    """
    keys = {one.ticket for one in read if one.ticket is not None}
    ids = {one.ticket_id for one in read if one.ticket is None and one.ticket_id is not None}
    known = tickets.known(conn, keys)
    homes = doors.homes(conn, read, sorted(keys - known, key=_order))
    own = {homes.of(key) for key in keys}
    generations = tickets.lock_generations(conn, sorted(own, key=_order), now=now, ids=ids, there=known)
    doors.fold(conn, homes, generations)
    by_id = tickets.lock_ids(conn, sorted(ids)) if ids else {}
    if missing := ids - by_id.keys():
        raise Unparsable(f"an answer for a ticket that does not exist: {sorted(missing)}", cause="no_such_ticket")
    return [_one(conn, one, homes, generations, by_id, now=now) for one in read]


def _one(
    conn: Connection,
    parsed: Parsed,
    homes: Homes,
    generations: dict[TicketKey, Generations],
    by_id: dict[int, StoredTicket],
    *,
    now: datetime,
) -> StoredTicket | None:
    if parsed.ticket is None:
        return None if parsed.ticket_id is None else by_id[parsed.ticket_id]
    known = generations[homes.of(parsed.ticket)]
    chosen, opening = choose(known, parsed.facts)
    if not opening:
        return chosen
    if chosen is known[-1]:
        known.append(_follow_up(conn, chosen, opening, now=now))
        return known[-1]
    follower = known[known.index(chosen) + 1]
    _take_over(conn, chosen, follower, opening)
    return follower


def choose(known: Sequence[StoredTicket], facts: Sequence[Fact]) -> tuple[StoredTicket, list[Fact]]:
    """Of these generations the one that the facts belong to: the last that had begun by their time, or would have begun
    with them, had they come in time. One without a record yet began after the end of the one before.

    With it those of the facts that begin its follow-up, if any: then they belong to that, whether it is there or not.
    """
    newest = known[-1]
    if (opening := _opening(facts, newest)) or len(known) == 1 or not facts:
        return newest, opening
    at = max(fact.at for fact in facts)
    for before, one in zip(reversed(known[:-1]), reversed(known), strict=False):
        ended = before.ticket.closed_at if before.ticket is not None else None
        begun = one.ticket.created_at if one.ticket is not None else ended
        if begun is not None and begun <= at:
            return one, []
        if opening := _opening(facts, before):
            return before, opening
    return known[0], []


def opens(fact: Fact, closed: Ticket) -> bool:
    """Whether a fact after the end begins a follow-up: the customer wrote, or the source opened it again."""
    match fact:
        case Message():
            return fact.author is Author.CUSTOMER and not fact.private and not fact.auto_reply
        case Snapshot():
            return closed.source_status == "resolved" and fact.status not in ("resolved", "")
    return False


def followed(closed: StoredTicket, opening: Sequence[Fact]) -> Followed:
    """What the follow-up of a closed ticket that these facts open begins with."""
    if closed.ticket is None or closed.ticket.closed_at is None:
        raise ValueError("nothing follows a ticket that is not closed")
    return Followed(_begun(opening), closed.ticket.closed_at, closed.id, closed.generation + 1)


def taken_over(noted: Sequence[Fact], opening: Sequence[Fact]) -> list[Fact]:
    """What came before the message that it answers was noted in the closed one: it is the follower's as well."""
    return [fact for fact in noted if isinstance(fact, Message | Snapshot) and fact.at >= _begun(opening)]


def _follow_up(conn: Connection, closed: StoredTicket, opening: Sequence[Fact], *, now: datetime) -> StoredTicket:
    first = followed(closed, opening)
    follower = tickets.follow(conn, closed, now=now)
    why = f"the customer wrote again: t{follower.id} follows, and this one stays closed"
    last = Closed(0, first.after, FOLLOWED, why)
    tickets.add_facts(conn, [(follower.id, first, f"t{closed.id}"), (closed.id, last, f"t{follower.id}")])
    _take_over(conn, closed, follower, opening)
    return follower


def _take_over(conn: Connection, closed: StoredTicket, follower: StoredTicket, opening: Sequence[Fact]) -> None:
    noted = tickets.load_facts(conn, [closed.id]).get(closed.id, [])
    tickets.add_facts(conn, [(follower.id, fact, f"t{closed.id}") for fact in taken_over(noted, opening)])


def _begun(opening: Sequence[Fact]) -> datetime:
    return min(fact.at for fact in opening)


def _opening(facts: Sequence[Fact], closed: StoredTicket) -> list[Fact]:
    """Those that begin a follow-up of it."""
    if closed.ticket is None or closed.ticket.closed_at is None:
        return []
    ended = closed.ticket.closed_at
    return [fact for fact in facts if fact.at > ended and opens(fact, closed.ticket)]


def _order(key: TicketKey) -> tuple[str, str]:
    return key.source, key.external_id
