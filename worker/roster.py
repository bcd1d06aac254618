"""Ask Chatwoot who works there, in which team and who is online, and store it for routing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from worker import log
from worker.clients.chatwoot import ChatwootClient
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.store import people
from worker.store.database import Database

logger = log.get(__name__)


def refresh_roster(db: Database, client: ChatwootClient) -> int:
    """Replace the stored roster; returns how many agents there are. Raises worker.errors: the old one stays then."""
    teams = client.teams()
    teams_of: dict[str, list[str]] = defaultdict(list)
    for team in teams:
        for member in client.team_members(team["id"]):
            teams_of[str(member["id"])].append(str(team["id"]))
    agents = [_agent(row, teams_of) for row in client.agents()]
    groups = [Person(id=str(team["id"]), name=str(team.get("name") or "")) for team in teams]
    people.replace_roster(db, agents, groups)
    logger.info("roster_refreshed", agents=len(agents), teams=len(groups))
    return len(agents)


def _agent(row: Mapping[str, Any], teams_of: Mapping[str, list[str]]) -> RosterAgent:
    number = str(row["id"])
    return RosterAgent(
        person=Person(id=number, name=str(row.get("name") or ""), email=row.get("email")),
        role=str(row.get("role") or "agent"),
        availability=str(row.get("availability_status") or "offline"),
        team_ids=tuple(teams_of.get(number, ())),
    )
