"""The same request by two doors is one ticket: which new keys belong to a ticket that is there already.

Asked only of keys that no ticket has. A key that was folded before is found by its alias, and so is the thread of a
mail that answers one of ours; else the request it begins
with is compared with those of the last minutes, of other sources, and with the others of the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from worker.domain.facts import Fact, Folded, Parsed, TicketKey
from worker.domain.twins import WITHIN, Request, first_request, is_near
from worker.store import aliases, tickets
from worker.store.aliases import OUR_MAIL, Twin
from worker.store.tickets import StoredTicket

CHATWOOT = "chatwoot"


@dataclass(frozen=True, slots=True)
class Homes:
    """The keys that are another ticket's, with that ticket's own; those that become so now, with their request."""

    known: Mapping[TicketKey, TicketKey] = field(default_factory=dict)
    new: Mapping[TicketKey, Request] = field(default_factory=dict)

    def of(self, key: TicketKey) -> TicketKey:
        """The ticket's own key."""
        return self.known.get(key, key)


def homes(conn: Connection, read: Sequence[Parsed], unknown: Sequence[TicketKey]) -> Homes:
    """Where these keys belong that no ticket has. To be asked before any ticket is locked."""
    if not unknown:
        return Homes()
    asked = _requests(read, frozenset(unknown))
    aliases.hold_requests(conn, _holds(asked))
    known = _owners(conn, unknown)
    new = {key: request for key, request in asked.items() if key not in known}
    found = _twins(conn, new)
    folded: dict[TicketKey, Request] = {}
    for key, request in sorted(new.items(), key=_first):
        near = (one for one in found.get(request.fingerprint, ()) if is_near(one.created_at, request.at))
        twin = next((one for one in near if key.source not in one.sources), None)
        if twin is None:
            twin = Twin(key, request.fingerprint, request.at, frozenset({key.source}))
            found.setdefault(request.fingerprint, []).append(twin)
        else:
            known[key], folded[key] = twin.key, request
            rest = [one for one in found[request.fingerprint] if one is not twin]
            also = Twin(twin.key, twin.fingerprint, twin.created_at, twin.sources | {key.source})
            found[request.fingerprint] = [also, *rest]
    return Homes(known, folded)


def fold(conn: Connection, found: Homes, generations: Mapping[TicketKey, Sequence[StoredTicket]]) -> None:
    """Store what `homes` has found, once the tickets are locked."""
    if not found.new:
        return
    ids = {key: generations[found.of(key)][-1].id for key in found.new}
    aliases.add(conn, ids.items())
    facts = [Folded(key.source, key.external_id, request.at) for key, request in found.new.items()]
    owners = [ids[key] for key in found.new]
    tickets.add_facts(conn, [(owner, fact, "routing") for owner, fact in zip(owners, facts, strict=True)])


def _owners(conn: Connection, unknown: Sequence[TicketKey]) -> dict[TicketKey, TicketKey]:
    """Of those that were folded before, or that answer a mail of ours: the key of the ticket itself."""
    answers = {TicketKey(OUR_MAIL, key.external_id): key for key in unknown if key.source == "email"}
    found = aliases.owners(conn, [*unknown, *answers])
    return {answers.get(key, key): owner for key, owner in found.items()}


def _requests(read: Sequence[Parsed], unknown: frozenset[TicketKey]) -> dict[TicketKey, Request]:
    facts: dict[TicketKey, list[Fact]] = defaultdict(list)
    for one in read:
        if one.ticket in unknown and one.ticket is not None:
            facts[one.ticket] += one.facts
    found = ((key, first_request(told)) for key, told in facts.items())
    return {key: request for key, request in found if request is not None}


def _holds(asked: Mapping[TicketKey, Request]) -> dict[str, bool]:
    """Two conversations of Chatwoot are never folded, so they need not wait for each other."""
    holds: dict[str, bool] = {}
    for key, request in asked.items():
        holds[request.fingerprint] = holds.get(request.fingerprint, True) and key.source == CHATWOOT
    return holds


def _twins(conn: Connection, new: Mapping[TicketKey, Request]) -> dict[str, list[Twin]]:
    if not new:
        return {}
    times = [request.at for request in new.values()]
    wanted = {request.fingerprint for request in new.values()}
    sources = {key.source for key in new}
    besides = sources.pop() if len(sources) == 1 else None
    return aliases.twins(conn, wanted, since=min(times) - WITHIN, until=max(times) + WITHIN, besides=besides)


def _first(asked: tuple[TicketKey, Request]) -> tuple[bool, object, str, str]:
    """Where a batch brings both, the conversation is the ticket: agents work there. Else the earlier one."""
    key, request = asked
    return key.source != CHATWOOT, request.at, key.source, key.external_id
