"""Answers to surveys: which of them count, and to whose credit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from worker.domain.facts import Answer
from worker.domain.ticket import Ticket


def counting(answers: Iterable[Answer], *, editable: timedelta) -> list[Answer]:
    """The answers that count, in order of time: on our own page the first one may be changed for `editable`.

    Chatwoot's own survey has rules of its own, so whatever it tells of counts.
    """
    first: dict[str, datetime] = {}
    counted = []
    for answer in sorted(answers, key=lambda one: (one.at, one.key)):
        begun = first.setdefault(answer.survey, answer.at)
        if answer.via == "chatwoot" or answer.at <= begun + editable:
            counted.append(answer)
    return counted


def has_answer(ticket: Ticket, resolution: int) -> bool:
    """Whether the customer has already answered about this resolution."""
    return any(survey in (f"resolution:{resolution}", str(resolution)) for survey, _, _ in ticket.answers)


def credit(ticket: Ticket) -> dict[str, Any]:
    """Whose work it was, as an event keeps it: later reassignments do not move a score."""
    agent, team = ticket.assignee, ticket.team
    return {
        "agent": None if agent is None else {"id": agent.id, "name": agent.name},
        "team": None if team is None else {"id": team.id, "name": team.name},
        "category": ticket.category,
    }
