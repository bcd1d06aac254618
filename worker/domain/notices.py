"""Notices to operators: who of assignee, target and lead is reached under which address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Person
from worker.domain.policy import NoticePolicy, Policy
from worker.domain.routing import Roster
from worker.domain.ticket import Ticket

ASSIGNEE, TARGET, LEAD = "assignee", "target", "lead"
"""The words for people that a rule may name; anything else with an @ is an address."""


def notice(
    ticket: Ticket,
    policy: Policy,
    *,
    decision: str,
    to: Sequence[str],
    subject: str,
    text: str,
    roster: Roster | None = None,
    assignee: Person | None = None,
    target: Person | None = None,
    team: Person | None = None,
    late: bool = False,
) -> Effect:
    """One notice to all of `to`, each address once; whoever has no known address is left out.

    `assignee` and `team` are the ticket's unless given. An empty list of addresses still reaches the signed webhook,
    where the policy names one.
    """
    known = {
        ASSIGNEE: assignee if assignee is not None else ticket.assignee,
        TARGET: target,
    }
    about = team if team is not None else ticket.team
    addresses = dict.fromkeys(_addresses(to, known, about, policy.notices, roster))
    payload = {"subject": subject, "text": text, "to": list(addresses), "team": _name(about), "late": late}
    return Effect(EffectKind.OPERATOR_NOTICE, decision, payload)


def leads_of(team: Person | None, policy: NoticePolicy) -> tuple[str, ...]:
    """The addresses of a team's leads, by its name or id; a team without any has those of the team ""."""
    names = {part.casefold() for part in (team.name, team.id) if part} if team is not None else set()
    own = tuple(address for name, address in policy.leads if name and name.casefold() in names)
    return own or tuple(address for name, address in policy.leads if not name)


def address_of(person: Person | None, roster: Roster | None) -> str | None:
    """An agent's address: their own, else the one the roster knows for their id."""
    if person is None:
        return None
    agents = roster.agents if roster is not None else ()
    listed = (one.person.email for one in agents if person.id is not None and one.person.id == person.id)
    return person.email or next((email for email in listed if email), None)


def _addresses(
    to: Iterable[str],
    known: dict[str, Person | None],
    team: Person | None,
    policy: NoticePolicy,
    roster: Roster | None,
) -> Iterator[str]:
    for who in to:
        if who == LEAD:
            yield from leads_of(team, policy)
        elif who in known:
            address = address_of(known[who], roster)
            if address is not None:
                yield address
        elif "@" in who:
            yield who


def _name(team: Person | None) -> str | None:
    return None if team is None else team.name or team.id
