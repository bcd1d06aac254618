"""How a ticket's requester is reached: in its conversation; by mail where there is none."""

from __future__ import annotations

from worker.domain.ticket import Ticket


def is_reachable(ticket: Ticket) -> bool:
    """Whether there is anywhere to write to at all; whether the channel lets us write now is `Ticket.can_reply`."""
    return _has_conversation(ticket) or _address(ticket) is not None


def by_mail(ticket: Ticket) -> dict[str, str]:
    """`to` and `subject` for what is sent to the requester of a ticket without a conversation; else nothing."""
    address = None if _has_conversation(ticket) else _address(ticket)
    return {"to": address, "subject": ticket.subject} if address is not None else {}


def _has_conversation(ticket: Ticket) -> bool:
    """It came from Chatwoot, or the same request came by there too: only Chatwoot shows a ticket's registers."""
    return ticket.key.source == "chatwoot" or ticket.registers_at is not None


def _address(ticket: Ticket) -> str | None:
    return ticket.requester.email or None if ticket.requester is not None else None
