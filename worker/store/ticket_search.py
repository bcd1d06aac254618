"""Finding tickets by what is searched and counted, and the figures of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select

from worker.domain.standing import Standing
from worker.domain.ticket import OPEN_STATUSES, Status
from worker.store import storable
from worker.store.database import Database
from worker.store.schema import teams, tickets
from worker.store.ticket_reads import OPEN
from worker.store.ticket_rows import COLUMNS, StoredTicket, stored


@dataclass(frozen=True, slots=True)
class Filter:
    """What a ticket must be; None and empty mean anything. `assignee_id` "" means nobody."""

    statuses: tuple[Status, ...] = ()
    priorities: tuple[str, ...] = ()
    category: str | None = None
    team_id: str | None = None
    assignee_id: str | None = None
    text: str = ""  # in the subject or the requester, or the whole external id; case does not count


@dataclass(slots=True)
class Figures:
    """What is in a queue: `depth` counts where it is our turn, `waiting` what waits for the customer."""

    depth: int = 0
    unassigned: int = 0
    waiting: int = 0
    at_risk: int = 0
    breached: int = 0
    oldest_at: datetime | None = None  # when the oldest of `depth` was created
    priorities: dict[str, int] = field(default_factory=dict)

    def add(self, row: Row[*tuple[Any, ...]]) -> None:
        """Count a row of the query."""
        self.at_risk += row.n if row.standing == Standing.AT_RISK else 0
        self.breached += row.n if row.standing == Standing.BREACHED else 0
        if row.status == Status.PENDING_CUSTOMER:
            self.waiting += row.n
            return
        self.depth += row.n
        self.unassigned += row.n if row.nobody else 0
        self.oldest_at = min(filter(None, (self.oldest_at, row.oldest_at)))
        self.priorities[row.priority] = self.priorities.get(row.priority, 0) + row.n


@dataclass(frozen=True, slots=True)
class Queue:
    """The figures as of one moment: of all open tickets, and of each team's; team (None, "") has those of nobody."""

    as_of: datetime
    total: Figures
    teams: tuple[tuple[str | None, str, Figures], ...]


def search(db: Database, wanted: Filter, *, limit: int, before: int | None = None) -> list[StoredTicket]:
    """The newest first; with `before` only those older than this id."""
    query = select(*COLUMNS).order_by(tickets.c.id.desc()).limit(limit).where(*_conditions(wanted))
    if before is not None:
        query = query.where(tickets.c.id < before)
    with db.read() as conn:
        return [stored(row) for row in conn.execute(query)]


def queue(db: Database) -> Queue:
    """What is open now, counted from one walk over the index of open tickets."""
    nobody = tickets.c.assignee_id.is_(None)
    by = (tickets.c.team_id, tickets.c.status, tickets.c.priority, tickets.c.standing, nobody)
    query = select(
        *by[:-1], nobody.label("nobody"), func.count().label("n"), func.min(tickets.c.created_at).label("oldest_at")
    )
    with db.read() as conn:
        rows = conn.execute(query.where(OPEN).group_by(*by)).all()
        names = {row.id: row.name for row in conn.execute(select(teams.c.id, teams.c.name))}
        as_of = db.now(conn)
    total, found = Figures(), dict[str | None, Figures]()
    for row in rows:
        total.add(row)
        found.setdefault(row.team_id, Figures()).add(row)
    return Queue(as_of, total, tuple((i, names.get(i, ""), found[i]) for i in sorted(found, key=_order)))


def _order(team_id: str | None) -> tuple[bool, int, str]:
    """By number, those of no team last."""
    return team_id is None, len(team_id or ""), team_id or ""


def _conditions(wanted: Filter) -> Sequence[ColumnElement[bool]]:
    found: list[Any] = []
    if wanted.statuses:
        found.append(tickets.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.statuses and OPEN_STATUSES.issuperset(wanted.statuses):
        found.append(OPEN)  # says nothing new, but lets the index of open tickets serve
    if wanted.priorities:
        found.append(tickets.c.priority.in_(wanted.priorities))
    if wanted.category is not None:
        found.append(func.lower(tickets.c.category) == wanted.category.lower())
    if wanted.team_id is not None:
        found.append(tickets.c.team_id == wanted.team_id)
    if wanted.assignee_id is not None:
        column = tickets.c.assignee_id
        found.append(column == wanted.assignee_id if wanted.assignee_id else column.is_(None))
    if wanted.text:
        text = storable.text(wanted.text, 320)
        found.append(
            or_(
                tickets.c.subject.icontains(text, autoescape=True),
                tickets.c.requester.icontains(text, autoescape=True),
                tickets.c.external_id == text,
            )
        )
    return found
