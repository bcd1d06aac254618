"""The one way a verb is written: under its ticket's lock, once per idempotency key, with all that follows from it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from worker.deciding import Decided, decide_all
from worker.desk import Desk
from worker.domain import closing
from worker.domain.acting import refuse_illegal, refuse_unreachable
from worker.domain.facts import Act, Author, Message, Parsed, TicketKey, Verb
from worker.domain.fold import fold
from worker.domain.ticket import Ticket
from worker.domain.view import just_after
from worker.errors import Invalid, KeyReused, NotDone, NotFound
from worker.instruction import LONGEST, Instruction, act_of
from worker.knowing import again_if_overtaken
from worker.placing import place
from worker.settling import Settled
from worker.store import acts, people, tickets
from worker.store.tickets import StoredTicket

SOURCE = "api"  # of tickets that are created here
EVENT = "ticket.create"


@dataclass(frozen=True, slots=True)
class Acted:
    """The ticket as it is now, and the act. `is_new` is False for a repetition, which changed nothing.

    `created` is True when a ticket was opened by it; a request that was known by another door opens none.
    """

    ticket: StoredTicket
    act: Act
    is_new: bool
    created: bool = False


def act(desk: Desk, ticket_id: int, asked: Instruction) -> Acted:
    """Use a verb on a ticket; the same key with the same content again does nothing and answers the same.

    Raises NotFound, Invalid for what is not well said, and Refused: InvalidTransition, NotDone, CannotReply, KeyReused.
    """
    _check_key(asked.key)
    act_id = asked.key or uuid.uuid4().hex
    return again_if_overtaken(lambda _: _act(desk, ticket_id, asked, act_id))


def _act(desk: Desk, ticket_id: int, asked: Instruction, act_id: str) -> Acted:
    with desk.db.write() as conn:
        held = tickets.lock_ids(conn, [ticket_id]).get(ticket_id)
        if held is None or held.ticket is None:
            raise NotFound(f"There is no ticket t{ticket_id}.")
        known = acts.find(conn, ticket_id, act_id)
        if known is not None:
            return Acted(held, _same(known, asked), is_new=False)
        refuse_illegal(held.ticket, asked.verb)
        if asked.verb is Verb.REPLY:
            refuse_unreachable(held.ticket)
        now = desk.db.now(conn)
        at = just_after(held.ticket.updated_at, now)
        new = _checked(conn, desk, asked, act_id=act_id, at=at)
        if asked.verb is Verb.CLOSE and not asked.automatic:
            _refuse_undone(conn, desk, held, new)
        tickets.add_facts(conn, [(ticket_id, new, cause_of(new))])
        decided = decide_all(conn, desk, [held], causes={ticket_id: cause_of(new)}, now=now)
    _follow(desk, decided)
    return Acted(replace(held, ticket=decided.decisions[ticket_id].ticket), new, is_new=True)


def create(desk: Desk, asked: Instruction) -> Acted:
    """Open a ticket of our own; the key, or a made-up one, is its external id. Repetition and errors like `act`."""
    _check_key(asked.key)
    key = TicketKey(SOURCE, asked.key or uuid.uuid4().hex)
    with desk.db.write() as conn:
        if (known := _created(conn, key, asked)) is not None:
            return known
        now = desk.db.now(conn)
        new = _checked(conn, desk, asked, act_id=key.external_id, at=now)
        facts = (_request(new), replace(new, text="", subject="", requester=None))  # the message says it
        held = place(conn, [Parsed(event=EVENT, ticket=key, facts=facts)], now=now)[0]
        if held is None:
            raise RuntimeError("a creation without a place")
        if (known := _created(conn, key, asked)) is not None:  # by another, while we waited for the lock
            return known
        cause = cause_of(new)
        tickets.add_facts(conn, [(held.id, fact, cause) for fact in facts])
        decided = decide_all(conn, desk, [held], causes={held.id: cause}, now=desk.db.now(conn))
    _follow(desk, decided)
    after = replace(held, ticket=decided.decisions[held.id].ticket)
    return Acted(after, new, is_new=True, created=held.ticket is None)


def cause_of(act: Act) -> str:
    """What the log says led to an event: somebody by our own doors."""
    return f"by:{act.actor}"


def _check_key(key: str) -> None:
    if len(key) > LONGEST["key"] or not all(33 <= ord(char) <= 126 for char in key):
        raise Invalid({"idempotency_key": f"at most {LONGEST['key']} visible ASCII characters, without spaces"})


def _checked(conn: Connection, desk: Desk, asked: Instruction, *, act_id: str, at: datetime) -> Act:
    """The act, its names looked up in the stored roster."""
    roster = partial(people.roster, conn, lock=False)
    return act_of(asked, act_id=act_id, at=at, policy=desk.policy, roster=roster)


def _same(known: Act, asked: Instruction) -> Act:
    if known.digest != asked.digest:
        raise KeyReused(
            f"idempotency_key_reused: the key {known.id} stands for another act of this ticket "
            f"({known.verb} by {known.actor}); use a new key for each act"
        )
    return known


def _created(conn: Connection, key: TicketKey, asked: Instruction) -> Acted | None:
    found = acts.creation(conn, key, key.external_id)
    if found is None:
        return None
    ticket_id, known = found
    return Acted(tickets.lock_ids(conn, [ticket_id])[ticket_id], _same(known, asked), is_new=False)


def _request(act: Act) -> Message:
    """What the requester wants, as a message of theirs."""
    return Message(
        id=act.id, at=act.at, author=Author.CUSTOMER, text=act.text, content_type="api", by=act.requester,
        subject=act.subject,
    )  # fmt: skip


def _refuse_undone(conn: Connection, desk: Desk, held: StoredTicket, new: Act) -> None:
    """Judged with the act itself, which may bring the resolution text or the field that was missing."""
    facts = [*tickets.load_facts(conn, [held.id]).get(held.id, []), new]
    then: Ticket = fold(held.key, facts, desk.policy, as_of=new.at)
    if missing := closing.missing(then, desk.policy):
        raise NotDone(missing)


def _follow(desk: Desk, decided: Decided) -> None:
    """After the commit: tell the metrics and the performers."""
    Settled(events=decided.events, parked=decided.parked).count()
    desk.wake.wake("effects", decided.effect_ids)
