"""Routing: ordered rules choose a team, numbers choose the agent, and the decision keeps both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from worker.domain.facts import Candidate, Person, Routed
from worker.domain.matching import found, named, named_any, prose
from worker.domain.own import BY_ESCALATION, BY_OPERATOR, GIVEN, UPSTREAM
from worker.domain.policy import Policy, RoutingRule
from worker.domain.ticket import OPEN_STATUSES, Ticket

ONLINE = "online"
SUPPORT_ROLES = frozenset({"agent", "administrator"})
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RosterAgent:
    """An agent as last seen: role and availability in the source's words, load as counted by us."""

    person: Person
    role: str = "agent"
    availability: str = "offline"
    capacity: int | None = None
    team_ids: tuple[str, ...] = ()
    open_tickets: int = 0
    idle_since: datetime | None = None
    skills: tuple[str, ...] = ()  # from the policy, like `senior`
    senior: bool = False
    away_since: datetime | None = None  # when they were first seen not online; None: online


@dataclass(frozen=True, slots=True)
class Roster:
    """Who could take a ticket, and when that was last asked of the source."""

    agents: tuple[RosterAgent, ...] = ()
    teams: tuple[Person, ...] = ()
    refreshed_at: datetime | None = None

    def is_current(self, max_age: timedelta, now: datetime) -> bool:
        """Whether it can be trusted: at exactly `max_age` it still can."""
        return self.refreshed_at is not None and now - self.refreshed_at <= max_age

    def agent(self, agent_id: str | None) -> RosterAgent | None:
        """The one with this id."""
        return next((each for each in self.agents if agent_id is not None and each.person.id == agent_id), None)

    def with_assigned(self, agent_id: str, at: datetime, *, instead_of: str | None = None) -> Roster:
        """The same roster after one more ticket for this agent, so that a batch does not all go to one."""

        def after(agent: RosterAgent) -> RosterAgent:
            if agent.person.id == agent_id:
                return replace(agent, open_tickets=agent.open_tickets + (agent_id != instead_of), idle_since=at)
            if agent.person.id == instead_of:
                return replace(agent, open_tickets=max(0, agent.open_tickets - 1))
            return agent

        agents = tuple(after(agent) for agent in self.agents)
        return Roster(agents=agents, teams=self.teams, refreshed_at=self.refreshed_at)


def capacity_of(agent: RosterAgent, policy: Policy) -> int:
    """How many open tickets this agent can take."""
    return policy.default_capacity if agent.capacity is None else agent.capacity


def needs_routing(ticket: Ticket) -> bool:
    """Whether this ticket waits for our first decision: nobody has it, and we have not decided yet."""
    return is_ours_to_route(ticket) and ticket.assignee is None and ticket.routed is None


def is_ours_to_route(ticket: Ticket) -> bool:
    """Whether somebody should have it at all: it is open, a person wrote it, and it is not with the bot."""
    return ticket.status in OPEN_STATUSES and not ticket.with_bot and not ticket.auto_only


def route(ticket: Ticket, roster: Roster | None, policy: Policy, *, now: datetime, because: str = "") -> Routed:
    """Team by the first rule that matches (a team somebody set stays), agent by skills and load; and why.

    `because` is what made a routed ticket move; its decision is the next in number.
    """
    rule, team, why, skills = _team(ticket, roster, policy)
    why = f"{because}; {why}" if because else why
    ordinal = ticket.routed.ordinal + 1 if ticket.routed is not None else 1
    if roster is None or not roster.is_current(policy.roster_max_age, now):
        reason = f"{why}; {_not_to_trust(roster, now)}, so it waits in {queue_of(team)}"
        return Routed(ordinal, now, rule, team, None, reason)
    if team is None and rule == NO_RULE:
        return Routed(ordinal, now, rule, None, None, why)
    if team is not None and team.id is None:
        return Routed(ordinal, now, rule, team, None, f"{why}; Chatwoot has no team of that name")
    candidates = _candidates(roster, team, skills, policy)
    free = [candidate for candidate in candidates if not candidate.rejected]
    if not free:
        reason = f"{why}; nobody is free ({tally(candidates)}), so it waits in {queue_of(team)}"
        return Routed(ordinal, now, rule, team, None, reason, candidates)
    best = min(free, key=_order)
    return Routed(ordinal, now, rule, team, best.agent, f"{why}; {_why_chosen(best, free)}", candidates)


NO_RULE = "no rule"


def _team(ticket: Ticket, roster: Roster | None, policy: Policy) -> tuple[str, Person | None, str, tuple[str, ...]]:
    """The rule's name, its team, the reason in words, and the skills it asks for."""
    if ticket.team is not None and (given := _given_by(ticket, ticket.team)):
        return given, ticket.team, f"team {ticket.team.name or ticket.team.id} was {given}", ()
    for rule in policy.routing:
        if _matches(rule, ticket):
            target = f"team {rule.team}" if rule.team else "any agent"
            able = f", by somebody who has the skill {' and '.join(rule.skills)}" if rule.skills else ""
            why = f"rule {rule.name!r} ({_inputs(rule, ticket)}) → {target}{able}"
            return rule.name, _resolve(rule.team, roster), why, rule.skills
    return NO_RULE, None, "no routing rule matched", ()


def _given_by(ticket: Ticket, team: Person) -> str:
    """Who set the team, if it was not our own routing, which is free to think again."""
    routed = ticket.routed
    last = routed.team if routed is not None else None
    is_ours = last is not None and (last.id == team.id if team.id is not None else last.name == team.name)
    if routed is not None and is_ours:
        return routed.rule if routed.rule in GIVEN else ""
    if any(one.team is not None and one.team.id == team.id for one in ticket.escalations):
        return BY_ESCALATION
    return BY_OPERATOR if ticket.assignment.startswith("act:") else UPSTREAM


def _matches(rule: RoutingRule, ticket: Ticket) -> bool:
    return (
        named(rule.categories, ticket.category)
        and named(rule.priorities, ticket.priority)
        and named(rule.tiers, ticket.tier)
        and named(rule.channels, ticket.channel)
        and (not rule.labels or bool(named_any(rule.labels, ticket.tags)))
        and (not rule.words or bool(found(rule.words, _prose(ticket.subject, ticket.description))))
    )


@lru_cache(maxsize=256)
def _prose(subject: str, description: str) -> str:
    return prose(f"{subject} . {description}")


def _inputs(rule: RoutingRule, ticket: Ticket) -> str:
    """What of the ticket the rule looked at."""
    looked = (
        ("category", rule.categories, ticket.category),
        ("priority", rule.priorities, ticket.priority),
        ("tier", rule.tiers, ticket.tier),
        ("channel", rule.channels, ticket.channel),
        ("labels", rule.labels, ", ".join(named_any(rule.labels, ticket.tags))),
        ("words", rule.words, "matched"),
    )
    return ", ".join(f"{name} {value}" for name, wanted, value in looked if wanted) or "matches everything"


def _resolve(team: str | None, roster: Roster | None) -> Person | None:
    """The team a rule names, by name or id; one that the roster does not know keeps its name and has no id."""
    if team is None:
        return None
    wanted = team.casefold()
    teams = roster.teams if roster is not None else ()
    known = next((each for each in teams if each.name.casefold() == wanted or each.id == team), None)
    return known or Person(id=None, name=team)


def _candidates(roster: Roster, team: Person | None, skills: tuple[str, ...], policy: Policy) -> tuple[Candidate, ...]:
    return tuple(
        _candidate(agent, skills, policy)
        for agent in roster.agents
        if team is None or (team.id or "") in agent.team_ids
    )


def _candidate(agent: RosterAgent, skills: tuple[str, ...], policy: Policy) -> Candidate:
    capacity = capacity_of(agent, policy)
    lacking = tuple(skill for skill in skills if not named_any((skill,), agent.skills))
    rejected = ""
    if agent.role not in SUPPORT_ROLES:
        rejected = f"role {agent.role}"
    elif lacking:
        rejected = f"lacks skill {', '.join(lacking)}"
    elif agent.availability != ONLINE:
        rejected = agent.availability or "offline"
    elif agent.open_tickets >= capacity:
        rejected = "at capacity"
    return Candidate(
        agent.person, agent.open_tickets, capacity, agent.idle_since, rejected, agent.skills, agent.away_since
    )


def _order(candidate: Candidate) -> tuple[int, datetime, int, str]:
    """Fewest open, then longest idle (never assigned is longest), then the lower id."""
    identity = candidate.agent.id or ""
    return candidate.open_tickets, candidate.idle_since or _LONG_AGO, len(identity), identity


def _why_chosen(best: Candidate, free: list[Candidate]) -> str:
    name, load = best.agent.name or best.agent.id, f"{best.open_tickets} of {best.capacity}"
    if len(free) == 1:
        return f"{name} is the only one free, with {load} tickets open"
    if sum(other.open_tickets == best.open_tickets for other in free) == 1:
        return f"{name} has the fewest open tickets of {len(free)} who are free, {load}"
    idle = f"waits longest, since {best.idle_since:%Y-%m-%d %H:%M} UTC" if best.idle_since else "had nothing before"
    return f"{name} has as few open tickets as any of {len(free)} who are free, {load}, and {idle}"


def tally(candidates: tuple[Candidate, ...]) -> str:
    """Why nobody is free, in numbers."""
    if not candidates:
        return "the team has no agents"
    counts: dict[str, int] = {}
    for candidate in candidates:
        counts[candidate.rejected] = counts.get(candidate.rejected, 0) + 1
    return ", ".join(f"{n} {_of_several(why) if n > 1 else why}" for why, n in sorted(counts.items()))


def _of_several(why: str) -> str:
    return why.replace("lacks ", "lack ", 1)


def _not_to_trust(roster: Roster | None, now: datetime) -> str:
    if roster is None or roster.refreshed_at is None:
        return "Chatwoot has not told us yet who works there"
    return f"the list of agents is {(now - roster.refreshed_at).total_seconds():.0f} s old, too old to go by"


def queue_of(team: Person | None) -> str:
    """Where a ticket waits that nobody could take."""
    return f"the queue of {team.name or team.id}" if team is not None else "the queue"
