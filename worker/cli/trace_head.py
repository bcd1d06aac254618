"""How a ticket stands, in the few lines that open its story: who, what, where it is now, what went before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from worker.cli.output import cell
from worker.domain.wording import label, when
from worker.shapes import Shape
from worker.shapes import ticket as shape_of

if TYPE_CHECKING:
    from worker.domain.facts import Matched, Person, TicketKey
    from worker.domain.ticket import Ticket
    from worker.store.ticket_rows import StoredTicket

_BY = {
    "source": "by hand or by the source itself",
    "routing": "by our routing",
    "escalation": "by an escalation",
    "operator": "by somebody through Hookdesk",
}

_CLOSED = {
    "agent": "by hand",
    "confirmation": "as the customer confirmed it",
    "quiet": "as nothing more came from the customer",
}


def shape(stored: StoredTicket, following: int | None, others: Sequence[TicketKey]) -> Shape:
    """The ticket's JSON, and what else its story begins with."""
    record = stored.ticket
    matched = record.matched if record is not None else None
    return shape_of(stored) | {
        "language": (record.language if record is not None else "") or None,
        "internal": record.internal if record is not None else False,
        "assigned_by": (record.assignee_by if record is not None else "") or None,
        "earlier_tickets": matched.earlier if matched is not None else None,
        "last_ticket": matched.last_ticket if matched is not None else None,
        "previous": record.previous if record is not None else None,
        "following": following,
        "aliases": [{"source": key.source, "external_id": key.external_id} for key in others],
        "closed_by": (record.closed_by if record is not None else "") or None,
        "proposed_close": (record.proposed_close if record is not None else "") or None,
        "answers": [{"survey": survey, "rating": rating, "feedback": feedback}
                    for survey, rating, feedback in (record.answers if record is not None else ())],
    }  # fmt: skip


def lines(stored: StoredTicket, following: int | None, others: Sequence[TicketKey]) -> Iterator[str]:
    """The same for people. What is not known is left out."""
    record = stored.ticket
    yield f"t{stored.id} {cell(record.subject if record is not None else '') or '(no subject)'}"
    where = f"{stored.key.source} {stored.key.external_id}"
    if record is None:
        yield row(where, "nothing has been decided about it yet")
        return
    yield row(
        where, record.status.value.replace("_", " "), f"priority {record.priority}, score {record.score}",
        f"category {record.category}", f"channel {record.channel.replace('_', ' ')}",
        "a request of our own people" if record.internal else "",
    )  # fmt: skip
    yield from (row(f"the same request came as {key.source} {key.external_id} too") for key in others)
    yield row(*_asker(record))
    yield row(*_holder(record))
    yield from _marks(record)
    yield from _ending(record)
    yield from _chain(record, following)
    again = f"reopened {record.reopen_count} ×" if record.reopen_count else ""
    yield row(f"opened {cell(record.created_at)}", f"last change {cell(record.updated_at)}", again, "times are UTC")


def row(*parts: str | None) -> str:
    """What is there, side by side."""
    return "   " + " · ".join(cell(part) for part in parts if part)


def _asker(record: Ticket) -> Iterator[str]:
    of = f" of {record.organization}" if record.organization else ""
    tier = f" ({record.tier})" if record.tier else ""
    yield f"from {_person(record.requester)}{of}{tier}"
    yield f"speaks {record.language}" if record.language else ""
    yield _history(record.matched) if record.matched is not None else ""


def _history(matched: Matched) -> str:
    if not matched.earlier:
        return "first ticket of this customer"
    last = f", the last one t{matched.last_ticket} of {when(matched.last_at)}" if matched.last_ticket else ""
    return f"{matched.earlier} ticket{'s' if matched.earlier > 1 else ''} before{last}"


def _holder(record: Ticket) -> Iterator[str]:
    by = f" ({_BY.get(record.assignee_by, record.assignee_by)})" if record.assignee and record.assignee_by else ""
    yield f"assigned to {label(record.assignee)}{by}"
    yield f"team {label(record.team)}" if record.team is not None else "no team"
    if record.escalations:
        last = record.escalations[-1]
        yield f"escalated to level {max(one.level for one in record.escalations)}: {last.reason}"
    yield "with the bot" if record.with_bot else ""
    yield f"the customer waits since {cell(record.waiting_since)}" if record.waiting_since is not None else ""


def _marks(record: Ticket) -> Iterator[str]:
    tags = f"labels {', '.join(record.tags)}" if record.tags else ""
    fields = ", ".join(f"{name} {value}" for name, value in record.fields)
    missing = f"still missing: {', '.join(record.missing)}" if record.missing else ""
    if tags or fields or missing:
        yield row(tags, fields, missing)


def _ending(record: Ticket) -> Iterator[str]:
    done = f"done: {record.resolution_text}" if record.resolution_text else ""
    proposed = f"closing proposed by {record.proposed_close}" if record.proposed_close and not record.closed_at else ""
    how = _CLOSED.get(record.closed_by, f"by {record.closed_by}")
    closed = f"closed {cell(record.closed_at)} {how}" if record.closed_at is not None else ""
    given = ", ".join(f"{rating} of 5" for _, rating, _ in record.answers)
    if done or proposed or closed or given:
        yield row(done, proposed, closed, f"the customer gave {given}" if given else "")


def _chain(record: Ticket, following: int | None) -> Iterator[str]:
    before = f"follows t{record.previous}, which was closed" if record.previous is not None else ""
    after = f"followed by t{following}: the customer wrote again after the end" if following is not None else ""
    if before or after:
        yield row(before, after)


def _person(who: Person | None) -> str:
    if who is None:
        return "somebody unknown"
    return f"{label(who)} <{who.email}>" if who.email and who.name else label(who)


def named(who: dict[str, Any] | None) -> str:
    """A person's JSON in a word."""
    return cell(who.get("name") or who.get("email") or who.get("id") or "unknown") if who else "nobody"
