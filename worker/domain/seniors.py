"""Who gets an escalated ticket: a senior agent who is free, else the queue of the target team."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from worker.domain.facts import Candidate, Person
from worker.domain.policy import Policy
from worker.domain.routing import SUPPORT_ROLES, Roster, RosterAgent, capacity_of
from worker.domain.ticket import Ticket
from worker.domain.wording import label

HAS_IT = "has it already"


@dataclass(frozen=True, slots=True)
class Target:
    """The team and agent to move to (None: unchanged), whom we looked at, and why in words."""

    team: Person | None
    agent: Person | None
    candidates: tuple[Candidate, ...]
    why: str


def target(
    team: str | None, ticket: Ticket, roster: Roster | None, policy: Policy, *, now: datetime, level: int
) -> Target:
    """`team` is the rule's, by name or id; without one a senior of the ticket's team is looked for, then any senior.

    A senior who has the ticket keeps it at the first level; later levels are there because that was not enough.
    """
    if roster is None or roster.refreshed_at is None or now - roster.refreshed_at > policy.roster_max_age:
        known = _named(team, roster)
        return Target(known, None, (), f"the list of agents is too old to choose from, {_stays(known, ticket)}")
    wanted = _named(team, roster)
    unknown = f"there is no team {team!r}; " if team is not None and wanted is None else ""
    seniors = [one for one in roster.agents if is_senior(one, policy) and (wanted is None or wanted.id in one.team_ids)]
    if not seniors:
        return Target(wanted, None, (), f"{unknown}no senior agent is known{_of(wanted)}, {_stays(wanted, ticket)}")
    holder = ticket.assignee.id if ticket.assignee is not None else None
    candidates = tuple(_candidate(one, policy, holder=holder, level=level) for one in seniors)
    if level == 1 and (own := next((one for one in seniors if one.person.id == holder and _works(one)), None)):
        return Target(wanted, own.person, candidates, f"{unknown}{label(own.person)} is a senior and {HAS_IT}")
    free = [one for one in candidates if not one.rejected]
    if not free:
        tally = ", ".join(f"{n} {why}" for why, n in sorted(Counter(one.rejected for one in candidates).items()))
        return Target(wanted, None, candidates, f"{unknown}no senior is free ({tally}), {_stays(wanted, ticket)}")
    near = _members(ticket.team, roster)
    best = min([one for one in free if one.agent.id in near] or free, key=_order)
    why = f"{label(best.agent)} is the senior with the fewest open tickets, {best.open_tickets} of {best.capacity}"
    return Target(wanted, best.agent, candidates, unknown + why)


def is_senior(agent: RosterAgent, policy: Policy) -> bool:
    """As the roster was stored, or as the policy says by now of the agent's id or address."""
    names = {name.casefold() for name in (agent.person.id, agent.person.email) if name}
    return agent.senior or any(rule.senior and rule.agent.casefold() in names for rule in policy.agents)


def _candidate(agent: RosterAgent, policy: Policy, *, holder: str | None, level: int) -> Candidate:
    capacity = capacity_of(agent, policy)
    rejected = ""
    if agent.role not in SUPPORT_ROLES:
        rejected = f"role {agent.role}"
    elif agent.availability != "online":
        rejected = agent.availability or "offline"
    elif level > 1 and agent.person.id == holder:
        rejected = HAS_IT
    elif agent.open_tickets >= capacity:
        rejected = "at capacity"
    return Candidate(agent.person, agent.open_tickets, capacity, agent.idle_since, rejected)


def _works(agent: RosterAgent) -> bool:
    return agent.role in SUPPORT_ROLES and agent.availability == "online"


def _order(candidate: Candidate) -> tuple[int, float, int, str]:
    """Fewest open, then longest idle (never assigned is longest), then the lower id."""
    idle = candidate.idle_since.timestamp() if candidate.idle_since is not None else float("-inf")
    identity = candidate.agent.id or ""
    return candidate.open_tickets, idle, len(identity), identity


def _named(team: str | None, roster: Roster | None) -> Person | None:
    if team is None or roster is None:
        return None
    wanted = team.casefold()
    return next((one for one in roster.teams if one.name.casefold() == wanted or one.id == team), None)


def _members(team: Person | None, roster: Roster) -> frozenset[str | None]:
    return frozenset(one.person.id for one in roster.agents if team is not None and team.id in one.team_ids)


def _of(team: Person | None) -> str:
    return f" in team {label(team)}" if team is not None else ""


def _stays(team: Person | None, ticket: Ticket) -> str:
    if team is not None:
        return f"so it waits in the queue of {label(team)}"
    return f"so it stays with {label(ticket.assignee)}" if ticket.assignee is not None else "so it stays where it is"
