"""The survey: whether and when a customer is asked about a resolution, and why not when not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Answer, Asked
from worker.domain.policy import CsatPolicy
from worker.domain.ticket import Event, Resolution, Ticket, Timer
from worker.domain.wording import hours

TOO_LATE = timedelta(days=1)
"""A survey this long overdue is not sent: the customer would not know what it is about."""

REFUSALS = {
    "disabled": "surveys are switched off",
    "auto_only": "only automatic replies came from the customer",
    "cannot_reply": "the channel does not let us write now",
    "asked_upstream": "Chatwoot asked itself",
    "answered": "there is an answer already",
    "cooldown": "this customer was asked a short while ago",
    "too_late": "it is overdue for more than a day",
    "reopened": "the ticket was reopened",
}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the survey side of a decision wants."""

    events: tuple[Event, ...] = ()
    timers: tuple[Timer, ...] = ()
    effects: tuple[Effect, ...] = ()
    facts: tuple[Asked, ...] = ()


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


def follow_up(
    before: Ticket | None, ticket: Ticket, policy: CsatPolicy, *, last_survey_at: datetime | None, now: datetime
) -> FollowUp:
    """Each resolution is decided once: asked when its delay is over, or refused with a reason.

    A refusal before that is only said; what forbids it may pass until then.
    """
    decided = {resolution for resolution, _ in ticket.asked}
    cancelled = tuple(
        _cancelled(run, "reopened", at=run.reopened_at)
        for run in ticket.resolutions
        if run.reopened_at is not None and run.ordinal not in decided and not _was_reopened(before, run)
    )
    current = ticket.resolutions[-1] if ticket.resolutions else None
    if current is None or current.reopened_at is not None or current.ordinal in decided:
        return FollowUp(events=cancelled)
    due_at = current.resolved_at + policy.delay
    why_not = _refusal(ticket, current, policy, last_survey_at=last_survey_at, due_at=due_at, now=now)
    if why_not:
        event = _cancelled(current, why_not, at=now)
        fact = (Asked(current.ordinal, now, why_not),) if now >= due_at else ()
        return FollowUp(events=(*cancelled, event), facts=fact)
    if now < due_at:
        timer = Timer("csat", current.key, due_at)
        return FollowUp(events=(*cancelled, _scheduled(current, due_at)), timers=(timer,))
    return _ask(current, policy, cancelled, now=now)


def _ask(run: Resolution, policy: CsatPolicy, cancelled: tuple[Event, ...], *, now: datetime) -> FollowUp:
    asked = Event(
        "csat.asked",
        run.key,
        now,
        "csat",
        f"resolution {run.ordinal} has stood for {hours(policy.delay.total_seconds())}; nothing speaks against asking",
        {"resolution": run.ordinal, "resolved_at": run.resolved_at.isoformat()},
    )
    survey = Effect(EffectKind.SURVEY, run.key, {"text": policy.message, "resolution": run.ordinal})
    return FollowUp(events=(*cancelled, asked), effects=(survey,), facts=(Asked(run.ordinal, now),))


def _refusal(
    ticket: Ticket,
    run: Resolution,
    policy: CsatPolicy,
    *,
    last_survey_at: datetime | None,
    due_at: datetime,
    now: datetime,
) -> str:
    """The first reason not to ask, or nothing. The cool-down is measured at the due time, so that it stays so."""
    reasons = (
        ("disabled", not policy.enabled),
        ("auto_only", ticket.auto_only),
        ("cannot_reply", not ticket.can_reply),
        ("asked_upstream", ticket.asked_upstream),
        ("answered", has_answer(ticket, run.ordinal)),
        ("cooldown", last_survey_at is not None and due_at - last_survey_at < policy.cooldown),
        ("too_late", now - due_at > TOO_LATE),
    )
    return next((name for name, holds in reasons if holds), "")


def has_answer(ticket: Ticket, resolution: int) -> bool:
    """Whether the customer has already answered about this resolution."""
    return any(survey in (f"resolution:{resolution}", str(resolution)) for survey, _, _ in ticket.answers)


def _was_reopened(before: Ticket | None, run: Resolution) -> bool:
    return before is not None and any(
        other.ordinal == run.ordinal and other.reopened_at is not None for other in before.resolutions
    )


def _scheduled(run: Resolution, due_at: datetime) -> Event:
    return Event(
        "csat.scheduled",
        run.key,
        run.resolved_at,
        "csat",
        f"resolution {run.ordinal} stands; the survey goes out at {due_at:%Y-%m-%d %H:%M:%S} UTC unless it is reopened",
        {"resolution": run.ordinal, "due_at": due_at.isoformat()},
    )


def _cancelled(run: Resolution, why: str, *, at: datetime) -> Event:
    return Event(
        "csat.cancelled",
        f"{run.key}:{why}",
        at,
        "csat",
        f"no survey about resolution {run.ordinal}: {REFUSALS[why]}",
        {"resolution": run.ordinal, "cause": why},
    )
