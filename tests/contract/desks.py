"""A desk on a store, for tests of what is decided and written in one transaction; and tickets brought to a status."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select

from tests.contract.builders import NOON
from worker.acting import Acted, create
from worker.config import Settings
from worker.deciding import decide_all
from worker.desk import Desk
from worker.domain.facts import Fact, Parsed, Person, Snapshot, TicketKey, Verb
from worker.domain.policy import Policy
from worker.domain.routing import RosterAgent
from worker.domain.ticket import Status, Ticket
from worker.errors import HookdeskError
from worker.instruction import Instruction
from worker.placing import place
from worker.policy_file import load_policy
from worker.store import people, tickets
from worker.store.database import Database
from worker.store.schema import facts
from worker.wake import RecordingWaker

T = TypeVar("T")

ADA, BOB = Person("1", "Ada", "ada@desk.example"), Person("2", "Bob", None)
BILLING = Person("10", "billing")
LENA = Person(None, "Lena", "lena@customer.example")
CHAT = TicketKey("chatwoot", "1/7")
SAID: dict[Verb, dict[str, Any]] = {
    Verb.TRIAGE: {"category": "billing"},
    Verb.ASSIGN: {"agent": "ada"},
    Verb.ESCALATE: {"reason": "a lawyer writes"},
    Verb.REPLY: {"text": "Hello"},
    Verb.RESOLVE: {"text": "Refunded."},
    Verb.CLOSE: {},
    Verb.REOPEN: {},
}
ON_THE_WAY: dict[Status, tuple[Verb, ...]] = {
    Status.TRIAGED: (),
    Status.IN_PROGRESS: (Verb.ASSIGN,),
    Status.PENDING_CUSTOMER: (Verb.ASSIGN, Verb.REPLY),
    Status.RESOLVED: (Verb.ASSIGN, Verb.RESOLVE),
    Status.CLOSED: (Verb.ASSIGN, Verb.RESOLVE, Verb.CLOSE),
}
Use = Callable[..., Acted]


def a_desk(db: Database, *, policy: Policy | None = None, **settings: Any) -> Desk:
    """With the built-in policy, unless told otherwise; nothing is really woken."""
    given = Settings(**{"chatwoot_url": "http://chat.example.com", "chatwoot_token": "t", **settings})
    return Desk(settings=given, policy=policy or load_policy(None), db=db, wake=RecordingWaker())


def man(db: Database) -> None:
    """Ada and Bob of billing; both offline, so that only a person gives them anything."""
    agent: dict[str, Any] = {"role": "agent", "availability": "offline", "team_ids": ("10",)}
    people.replace_roster(db, [RosterAgent(ADA, **agent), RosterAgent(BOB, **agent)], [BILLING])


def asked(verb: Verb, **given: Any) -> Instruction:
    """A verb with what it needs."""
    return Instruction(**{"verb": verb, "actor": "anna", **SAID.get(verb, {}), **given})


def a_creation(**given: Any) -> Instruction:
    said = {"verb": Verb.CREATE, "actor": "crm", "text": "Where is my parcel?", "requester": LENA}
    return Instruction(**{**said, **given})


def created(desk: Desk, **given: Any) -> int:
    return create(desk, a_creation(**given)).ticket.id


def record(desk: Desk, ticket: int) -> Ticket:
    stored = tickets.get(desk.db, ticket)
    assert stored is not None and stored.ticket is not None
    return stored.ticket


def names(desk: Desk, ticket: int) -> list[str]:
    return [event.name for event in tickets.events_of(desk.db, ticket)]


def acts(desk: Desk) -> int:
    with desk.db.read() as conn:
        return conn.execute(select(func.count()).where(facts.c.kind == "act")).scalar_one()


def snapshot(status: str, second: int, **given: Any) -> Snapshot:
    return Snapshot(NOON + timedelta(seconds=second), status, NOON, requester=Person("7", "Lena"), **given)


def brought_to(desk: Desk, use: Use, status: Status) -> int:
    """A ticket of that status."""
    if status is Status.NEW:  # only what a bot has from the beginning is new
        return told(desk, CHAT, snapshot("pending", 0))
    ticket = created(desk)
    for verb in ON_THE_WAY[status]:
        use(ticket, verb)
    return ticket


def told(desk: Desk, key: TicketKey, *facts: Fact) -> int:
    """A ticket that a source told of, decided; returns its id."""
    with desk.db.write() as conn:
        now = desk.db.now(conn)
        (held,) = place(conn, [Parsed("told", key, facts)], now=now)
        assert held is not None
        tickets.add_facts(conn, [(held.id, fact, "d1") for fact in facts])
        decide_all(conn, desk, [held], causes={held.id: "d1"}, now=now)
    return held.id


def at_once(work: Callable[[], Acted]) -> list[Acted | HookdeskError]:
    """What four threads that start together get."""
    ready, found = threading.Barrier(4), list[Acted | HookdeskError]()

    def one() -> None:
        ready.wait()
        try:
            found.append(work())
        except HookdeskError as exc:
            found.append(exc)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
