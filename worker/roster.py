"""Ask Chatwoot who works there, in which team and who is online, and store it for routing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from worker import log
from worker.clients.chatwoot import ChatwootClient
from worker.clients.deadline import ending_at
from worker.domain.effects import CHATWOOT
from worker.domain.facts import Person
from worker.domain.policy import AgentRule, Policy
from worker.domain.routing import RosterAgent
from worker.looking_again import look_again
from worker.store import breakers, people
from worker.store.database import Database

ALL_SECONDS = 20.0  # for all calls together
HASTY_SECONDS = 3.0  # the same while Chatwoot is left alone: one that hangs must not hold up the effects for others
REFRESH_AFTER = timedelta(seconds=60)

logger = log.get(__name__)


def refresh_roster(db: Database, client: ChatwootClient, policy: Policy) -> int:
    """Replace the stored roster, and look again at the tickets that this concerns; returns how many agents there are.

    Raises worker.errors: the old one stays then.
    """
    seconds = HASTY_SECONDS if _is_left_alone(db) else ALL_SECONDS
    with ending_at(time.monotonic() + seconds):
        agents = _refresh(db, client, policy.agents)
    look_again(db, policy)
    return agents


def _refresh(db: Database, client: ChatwootClient, rules: Sequence[AgentRule]) -> int:
    teams = client.teams()
    teams_of: dict[str, list[str]] = defaultdict(list)
    for team in teams:
        for member in client.team_members(team["id"]):
            teams_of[str(member["id"])].append(str(team["id"]))
    known = {rule.agent.casefold(): rule for rule in rules}
    agents = [_agent(row, teams_of, known) for row in client.agents()]
    groups = [Person(id=str(team["id"]), name=str(team.get("name") or "")) for team in teams]
    people.replace_roster(db, agents, groups)
    logger.info("roster_refreshed", agents=len(agents), teams=len(groups))
    return len(agents)


def refresh_if_stale(db: Database, client: ChatwootClient, policy: Policy) -> None:
    """The same, if the stored one is older than REFRESH_AFTER, and Chatwoot is not left alone just now."""
    with db.read() as conn:
        refreshed_at, now = people.roster(conn, lock=False).refreshed_at, db.now(conn)
    is_stale = refreshed_at is None or now - refreshed_at >= REFRESH_AFTER
    if is_stale and not _is_left_alone(db):
        refresh_roster(db, client, policy)


def _is_left_alone(db: Database) -> bool:
    return any(one.is_open for one in breakers.peek(db) if one.name == CHATWOOT)


def _agent(row: Mapping[str, Any], teams_of: Mapping[str, list[str]], rules: Mapping[str, AgentRule]) -> RosterAgent:
    """What the source says, and what the policy adds for the agent's id or address."""
    number, email = str(row["id"]), row.get("email")
    rule = rules.get(number) or rules.get(str(email or "").casefold()) or AgentRule(number)
    return RosterAgent(
        person=Person(id=number, name=str(row.get("name") or ""), email=email),
        role=str(row.get("role") or "agent"),
        availability=str(row.get("availability_status") or "offline"),
        capacity=rule.capacity,
        team_ids=tuple(teams_of.get(number, ())),
        skills=rule.skills,
        senior=rule.senior,
    )
