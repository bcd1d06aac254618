"""What gives a ticket to a team and an agent in the source."""

from __future__ import annotations

from collections.abc import Iterator

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Person
from worker.domain.ticket import Ticket


def handing_over(
    decision: str, team: Person | None, agent: Person | None, *, before: Ticket | None = None
) -> Iterator[Effect]:
    """The team before the agent, as setting a team takes off an agent who is no member; without what `before` has.

    That is why an agent who has it already is written again after a new team.
    """
    has_team, has_agent = (before.team, before.assignee) if before is not None else (None, None)
    is_new_team = team is not None and team.id is not None and (has_team is None or has_team.id != team.id)
    if team is not None and is_new_team:
        yield Effect(EffectKind.ASSIGN_TEAM, decision, {"team_id": team.id, "team": team.name})
    if agent is not None and agent.id is not None and (is_new_team or has_agent is None or has_agent.id != agent.id):
        yield Effect(EffectKind.ASSIGN_AGENT, decision, {"agent_id": agent.id, "agent": agent.name})
