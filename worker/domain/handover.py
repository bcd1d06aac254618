"""What gives a ticket to a team and an agent in the source."""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Person


def handing_over(decision: str, team: Person | None, agent: Person | None, *, frees: bool = False) -> Iterator[Effect]:
    """The team before the agent, as setting a team takes off an agent who is no member.

    Both also where the ticket has them already: the source may have changed and not told us yet. With `frees` a team
    alone is its queue: whoever has the ticket loses it, before the team, which in the source may choose one of its own.
    """
    if agent is None and frees:
        yield Effect(EffectKind.ASSIGN_AGENT, decision, {"agent_id": None, "agent": "nobody"})
    if team is not None and team.id is not None:
        yield Effect(EffectKind.ASSIGN_TEAM, decision, {"team_id": team.id, "team": team.name})
    if agent is not None and agent.id is not None:
        yield Effect(EffectKind.ASSIGN_AGENT, decision, {"agent_id": agent.id, "agent": agent.name})
