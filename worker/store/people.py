"""The roster: agents and teams as the source last listed them, with the load as our own tickets count it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from worker.domain.facts import Person
from worker.domain.routing import ONLINE, Roster, RosterAgent
from worker.store import storable
from worker.store.bulk import insert_rows, update_rows
from worker.store.database import Database
from worker.store.load import open_load
from worker.store.locks import lock_name
from worker.store.schema import agents, teams

_ROSTER_LOCK = 7_201_003


def replace_roster(db: Database, agents_: Sequence[RosterAgent], teams_: Sequence[Person]) -> None:
    """Store who there is now. Who is gone is forgotten; who stays keeps the time of the last assignment, and who stays
    away the time since when.

    `open_tickets`, `idle_since` and `away_since` are not taken from here: the first two are counted from our own
    tickets, the third is when we first see somebody not online.
    """
    with db.write() as conn:
        hold(conn)
        now = db.now(conn)
        known = away(conn)
        people = [
            {"id": _id(one.person), "name": storable.text(one.person.name, 200),
             "email": storable.optional_text(one.person.email, 320), "role": storable.text(one.role, 40),
             "availability": storable.text(one.availability, 10), "capacity": one.capacity,
             "team_ids": list(one.team_ids), "skills": list(one.skills), "senior": one.senior,
             "away_since": None if one.availability == ONLINE else known.get(_id(one.person), now),
             "refreshed_at": now}
            for one in agents_
            if one.person.id is not None
        ]  # fmt: skip
        groups = [
            {"id": _id(team), "name": storable.text(team.name, 200), "refreshed_at": now}
            for team in teams_
            if team.id is not None
        ]
        _replace(conn, agents, people)
        _replace(conn, teams, groups)


def hold(conn: Connection) -> None:
    """Nobody else changes the roster, or assigns from it, until the transaction ends."""
    lock_name(conn, _ROSTER_LOCK)


def roster(conn: Connection, *, lock: bool) -> Roster:
    """Everybody, with open tickets and idle time. With `lock` nobody else assigns until the transaction ends."""
    if lock:
        hold(conn)
    load = open_load(conn)
    people = conn.execute(select(agents).order_by(agents.c.id)).all()
    groups = conn.execute(select(teams).order_by(teams.c.id)).all()
    return Roster(
        agents=tuple(_agent(row, load.get(row.id, 0)) for row in people),
        teams=tuple(Person(id=row.id, name=row.name) for row in groups),
        refreshed_at=max((row.refreshed_at for row in (*people, *groups)), default=None),
    )


def some(conn: Connection, agent_ids: Collection[str]) -> tuple[RosterAgent, ...]:
    """Those of these agents who are in the roster, as `roster` has them."""
    wanted = [storable.key(agent_id, 60) for agent_id in sorted(agent_ids)]
    load = open_load(conn)
    rows = conn.execute(select(agents).where(agents.c.id.in_(wanted)).order_by(agents.c.id))
    return tuple(_agent(row, load.get(row.id, 0)) for row in rows)


def away(conn: Connection) -> dict[str, datetime]:
    """Who is not online, by id, and since when we have seen them so."""
    query = select(agents.c.id, agents.c.away_since).where(agents.c.away_since.is_not(None))
    return {row.id: row.away_since for row in conn.execute(query)}


def note_assigned(conn: Connection, agent_ids: Collection[str], at: datetime) -> None:
    """These agents got a ticket at that time; the longest idle breaks the next tie."""
    rows = [{"id": storable.key(agent_id, 60), "last_assigned_at": at} for agent_id in sorted(agent_ids)]
    update_rows(conn, agents, rows)


def _agent(row: Row[Any], open_tickets: int) -> RosterAgent:
    return RosterAgent(
        person=Person(id=row.id, name=row.name, email=row.email),
        role=row.role,
        availability=row.availability,
        capacity=row.capacity,
        team_ids=tuple(row.team_ids),
        open_tickets=open_tickets,
        idle_since=row.last_assigned_at,
        skills=tuple(row.skills or ()),
        senior=row.senior,
        away_since=row.away_since,
    )


def _replace(conn: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    unique = list({row["id"]: row for row in rows}.values())
    conn.execute(delete(table).where(table.c.id.not_in([row["id"] for row in unique])))
    insert_rows(conn, table, unique, ignore=True)
    update_rows(conn, table, unique)


def _id(person: Person) -> str:
    return storable.key(str(person.id), 60)
