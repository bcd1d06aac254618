"""The table of routes: what makes the application, and what OpenAPI tells of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from worker import log
from worker.acting import act, create
from worker.api import bodies, views
from worker.api.bodies import Said
from worker.api.queries import PARAMETERS, Parameter
from worker.api_tokens import ApiToken
from worker.desk import Desk
from worker.domain.facts import Verb
from worker.errors import Invalid, NotFound
from worker.shapes import Shape, ticket

KEY_HEADER = "Idempotency-Key"
REPEATED_HEADER = "Idempotency-Replayed"
_TICKET_ID = re.compile(r"[tT]?([1-9]\d{0,18})")
_LAST_ID = 2**63 - 1
_CALLED_HERE: Mapping[Verb, str] = {
    Verb.CREATE: "description", Verb.RESOLVE: "resolution", Verb.CLOSE: "resolution",
}  # fmt: skip

logger = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, authenticated and read; `id` is the ticket's as the path has it."""

    desk: Desk
    caller: ApiToken | None
    id: str
    query: Mapping[str, Sequence[str]]
    raw: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back."""

    body: Shape
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `scope` "" is open to everybody; `answers` are schemas by status."""

    method: str
    path: str
    name: str
    about: str
    scope: str
    handle: Callable[[Call], Answer]
    answers: tuple[tuple[int, str, str], ...]  # (status, schema, when)
    verb: Verb | None = None
    body: type[Said] | None = None
    query: tuple[Parameter, ...] = ()

    @property
    def has_id(self) -> bool:
        """Whether its path names a ticket."""
        return "{id}" in self.path


def ticket_id(word: str) -> int:
    """9 or t9. Raises NotFound for what names no ticket."""
    match = _TICKET_ID.fullmatch(word)
    if match is None or int(match[1]) > _LAST_ID:
        raise NotFound(f"{word[:40]!r} is not the id of a ticket; write t9 or 9.")
    return int(match[1])


def _list(call: Call) -> Answer:
    return Answer(views.listed(call.desk, call.query))


def _show(call: Call) -> Answer:
    return Answer(views.shown(call.desk, ticket_id(call.id)))


def _queue(call: Call) -> Answer:
    return Answer(views.queue(call.desk))


def _live(call: Call) -> Answer:
    return Answer({"status": "alive"})


def _openapi(call: Call) -> Answer:
    from worker.api.openapi import document  # it describes this table

    return Answer(document())


def _use(verb: Verb, body: type[Said], call: Call) -> Answer:
    asked = bodies.instruction(
        bodies.read(call.raw, body), verb, caller=call.caller.name if call.caller else "", key=call.key
    )
    number = None if verb is Verb.CREATE else ticket_id(call.id)
    try:
        done = create(call.desk, asked) if number is None else act(call.desk, number, asked)
    except Invalid as exc:
        raise Invalid({_called(name, verb): why for name, why in exc.mistakes.items()}) from exc
    logger.info("ticket_acted", ticket=done.ticket.id, verb=verb.value, caller=asked.actor, repeated=not done.is_new)
    is_proposal = verb is Verb.CLOSE and done.act.automatic
    status = 201 if done.created else 202 if is_proposal else 200
    headers = [("Location", f"/api/tickets/{done.ticket.id}")] if verb is Verb.CREATE else []
    headers += [] if done.is_new else [(REPEATED_HEADER, "true")]
    return Answer(ticket(done.ticket), status, tuple(headers))


def _called(field: str, verb: Verb) -> str:
    """The name the body has for a field of the instruction."""
    if field == "idempotency_key":
        return KEY_HEADER
    return _CALLED_HERE.get(verb, field) if field == "text" else field


_DONE = ((200, "Ticket", "The ticket as it is now; the same for a repetition under the same key."),)


def _verb(verb: Verb, body: type[Said], about: str, *more: tuple[int, str, str]) -> Route:
    path, scope = f"/api/tickets/{{id}}/{verb.value}", "write"
    handle = partial(_use, verb, body)
    return Route("POST", path, f"{verb.value}Ticket", about, scope, handle, (*_DONE, *more), verb, body)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/tickets", "createTicket", "Open a ticket.", "create", partial(_use, Verb.CREATE, bodies.Create),
          ((201, "Ticket", "A new ticket."),
           (200, "Ticket", "The same request is a ticket already: repeated, or arrived by another door.")),
          Verb.CREATE, bodies.Create),
    Route("GET", "/api/tickets", "listTickets", "Tickets, the newest first.", "read", _list,
          ((200, "Tickets", "One page; `next` is the cursor of the next one, or null."),), query=PARAMETERS),
    Route("GET", "/api/tickets/{id}", "showTicket", "One ticket with its history, and why each thing happened.", "read",
          _show, ((200, "FullTicket", "Everything known of it."),)),
    _verb(Verb.TRIAGE, bodies.Triage, "Set category, priority, tags or fields."),
    _verb(Verb.ASSIGN, bodies.Assign, "Give it to an agent, or to a team's queue."),
    _verb(Verb.ESCALATE, bodies.Escalate, "Hand it to a senior."),
    _verb(Verb.REPLY, bodies.Reply, "Answer the customer."),
    _verb(Verb.RESOLVE, bodies.Resolve, "Say that it is solved, and how."),
    _verb(Verb.CLOSE, bodies.Close, "End it; the definition of done must be met.",
          (202, "Ticket", "An automatic close: noted as a proposal, which a person decides.")),
    _verb(Verb.REOPEN, bodies.Reopen, "Take it up again."),
    Route("GET", "/api/queue", "showQueue", "How much waits, how long, and what is late: for a dashboard.", "read",
          _queue, ((200, "Queue", "The figures as of now."),)),
    Route("GET", "/api/openapi.json", "showApi", "This description.", "", _openapi,
          ((200, "OpenApi", "OpenAPI 3.1."),)),
    Route("GET", "/livez", "live", "Whether the API runs.", "", _live, ((200, "Alive", "It does."),)),
)  # fmt: skip
