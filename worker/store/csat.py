"""Surveys as they went: which were asked, which were answered and how, and to whose credit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.engine import Connection

from worker.domain.effects import EffectKind, EffectState
from worker.store.database import Database
from worker.store.schema import agents, effects, events, teams, tickets

# literal, never a parameter: a prepared statement must still match the partial index
_ABOUT_SURVEYS = text("events.name IN ('csat.asked','csat.answered')")


@dataclass(frozen=True, slots=True)
class Credit:
    """Whose work it was when the customer was asked or answered; empty: nobody's."""

    agent: str
    team: str
    category: str


@dataclass(slots=True)
class Survey:
    """One survey about one ticket: when it went out, if it was ours, and the last answer, if there is one."""

    ticket_id: int
    survey: str  # resolution:1, or the message id of Chatwoot's own
    credit: Credit
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    rating: int | None = None


def surveys(db: Database, *, since: datetime, until: datetime) -> list[Survey]:
    """Those asked or answered in this time, in order of it. One that never went out is none."""
    found: dict[tuple[int, str], Survey] = {}
    with db.read() as conn:
        for row in _rows(conn, since, until):
            _add(found, row)
    return list(found.values())


def _rows(conn: Connection, since: datetime, until: datetime) -> Iterator[Row[*tuple[Any, ...]]]:
    """One walk over the index of these events; what was decided before credit was kept is today's assignee's."""
    went_out = (effects.c.ticket_id == events.c.ticket_id) & (effects.c.decision == events.c.key)
    went_out &= effects.c.kind == EffectKind.SURVEY.value
    about = tickets.outerjoin(agents, agents.c.id == tickets.c.assignee_id)
    about = about.outerjoin(teams, teams.c.id == tickets.c.team_id)
    query = (
        select(
            events.c.ticket_id, events.c.name, events.c.key, events.c.at, events.c.data, effects.c.state,
            tickets.c.category, agents.c.name.label("agent"), teams.c.name.label("team"),
        )
        .select_from(events.join(about, tickets.c.id == events.c.ticket_id).outerjoin(effects, went_out))
        .where(_ABOUT_SURVEYS, events.c.at >= since, events.c.at < until)
        .order_by(events.c.at, events.c.id)
    )  # fmt: skip
    yield from conn.execute(query)


def _add(found: dict[tuple[int, str], Survey], row: Row[*tuple[Any, ...]]) -> None:
    if row.name == "csat.asked":
        if row.state == EffectState.DONE.value:
            found[row.ticket_id, row.key] = Survey(row.ticket_id, row.key, _credit(row), asked_at=row.at)
        return
    survey = str(row.data["survey"])
    one = found.setdefault((row.ticket_id, survey), Survey(row.ticket_id, survey, _credit(row)))
    one.answered_at, one.rating, one.credit = row.at, int(row.data["rating"]), _credit(row)


def _credit(row: Row[*tuple[Any, ...]]) -> Credit:
    data: Mapping[str, Any] = row.data
    if "agent" not in data:
        return Credit(row.agent or "", row.team or "", row.category)
    return Credit(_name(data["agent"]), _name(data["team"]), str(data["category"]))


def _name(who: Mapping[str, Any] | None) -> str:
    return "" if who is None else str(who.get("name") or who.get("id") or "")
