"""[[agents]], [[organizations]] and [reroute] of the policy file: what the source cannot say about people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from worker.domain.policy import AgentRule, OrganizationRule, ReroutePolicy, RoutingRule
from worker.toml_table import Table, duration, flag, list_of_words, whole, words

_MOST = 10_000


def agents(tables: Sequence[Table]) -> tuple[AgentRule, ...]:
    """[[agents]]; each by its id or e-mail in the source, once."""
    found: list[AgentRule] = []
    for table in tables:
        rule = AgentRule(
            agent=table.read("agent", "", _id_or_address),
            skills=table.read("skills", (), list_of_words),
            capacity=table.read("capacity", None, whole(0, _MOST)),
            senior=table.read("senior", False, flag),
        )
        if "agent" not in table.values:
            table.wrong("agent", "agent is missing", 'Add agent = "maya@desk.example", or the number in Chatwoot.')
        elif any(rule.agent.casefold() == other.agent.casefold() for other in found):
            table.wrong("agent", f"{rule.agent!r} stands in agents twice", "Say all of them in one place.")
        table.finish()
        found.append(rule)
    return tuple(found)


def organizations(tables: Sequence[Table]) -> tuple[OrganizationRule, ...]:
    """[[organizations]]; a name or domain belongs to one of them."""
    found: list[OrganizationRule] = []
    taken: dict[str, str] = {}
    for table in tables:
        rule = OrganizationRule(
            name=table.required("name"),
            domains=table.read("domains", (), _domains),
            tier=table.read("tier", "", words),
            value=table.read("value", 0, whole(0, 2**31 - 1)),
        )
        if any(rule.name and rule.name.casefold() == other.name.casefold() for other in found):
            table.wrong("name", f"{rule.name!r} stands in organizations twice", "Say all of it in one place.")
        for domain in rule.domains:
            if taken.setdefault(domain, rule.name) != rule.name:
                table.wrong("domains", f"{domain} is {taken[domain]!r}'s already", "Leave it to one of them.")
        table.finish()
        found.append(rule)
    return tuple(found)


def reroute(table: Table) -> ReroutePolicy:
    """[reroute]."""
    policy = ReroutePolicy(away=table.read("away", ReroutePolicy().away, duration))
    table.finish()
    return policy


def refuse_unknown_skills(top: Table, rules: Sequence[RoutingRule], known: Sequence[AgentRule]) -> None:
    """A rule that asks for what no agent can do would keep its tickets in the queue for ever."""
    has = {skill.casefold() for agent in known for skill in agent.skills}
    for n, rule in enumerate(rules):
        if strange := [skill for skill in rule.skills if skill.casefold() not in has]:
            what = f"no agent has the skill {strange[0]!r}"
            top.mistakes.add(("routing", n, "skills"), what, "Give it to somebody under [[agents]], or leave it out.")


def _id_or_address(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else words(value)


def _domains(value: Any) -> tuple[str, ...]:
    given = tuple(each.lower() for each in list_of_words(value, example='["acme.example"]'))
    for domain in given:
        name, dot, rest = domain.partition(".")
        if not (name and dot and rest) or any(char in domain for char in "@ /:*"):
            raise ValueError('Write domains as they stand behind the @, for example ["acme.example"].')
    return given
