"""The definition of done: what a resolved ticket still needs before it may be closed, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

from worker.domain.policy import Policy
from worker.domain.ticket import Ticket

NO_RESOLUTION = "it does not say what was done: no resolution text"

Predicate = Callable[[Ticket], bool]
Check = tuple[Predicate, str]

CHECKS: Mapping[str, Check] = {
    "replied": (lambda ticket: ticket.replied, "no human has answered the customer"),
    "confirmed": (lambda ticket: ticket.confirmed_at is not None, "the customer has not confirmed the resolution"),
}
"""Checks by name: what must hold, and the sentence that says what is missing."""


def _field(name: str) -> Check:
    return (lambda ticket: name in dict(ticket.fields), f"the field {name} is empty")


def _label(name: str) -> Check:
    wanted = name.casefold()
    return (lambda ticket: any(tag.casefold() == wanted for tag in ticket.tags), f"the label {name} is not set")


PARAMETRISED: Mapping[str, Callable[[str], Check]] = {"field": _field, "label": _label}
"""Checks with an argument, written `field:order_number`."""


def check_of(name: str) -> Check | None:
    """The check of that name; None when there is none."""
    kind, has_argument, argument = name.partition(":")
    if has_argument:
        make = PARAMETRISED.get(kind)
        return make(argument) if make is not None and argument else None
    return CHECKS.get(name)


def missing(ticket: Ticket, policy: Policy) -> tuple[str, ...]:
    """What is missing of the definition of done, in sentences; () when the ticket may be closed.

    Every ticket needs a resolution text; its category may ask for more.
    """
    names = next((each.done for each in policy.categories if each.name == ticket.category), ())
    checks = [check for name in names if (check := check_of(name)) is not None]
    text = () if ticket.resolution_text else (NO_RESOLUTION,)
    return (*text, *(sentence for holds, sentence in checks if not holds(ticket)))


def digest(gaps: tuple[str, ...]) -> str:
    """Distinguishes one list of what is missing from another."""
    return sha256("\n".join(gaps).encode()).hexdigest()[:12]
