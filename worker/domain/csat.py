"""The survey: whether and when a customer is asked about a resolution, and why not when not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from worker.domain.answers import credit, has_answer
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Asked
from worker.domain.policy import CsatPolicy
from worker.domain.reaching import by_mail, is_reachable
from worker.domain.ticket import Event, Resolution, Ticket, Timer
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import hours

TOO_LATE = timedelta(days=1)
"""A survey this long overdue is not sent: the customer would not know what it is about."""

REFUSALS = {
    "disabled": "surveys are switched off",
    "internal": "it is a request of our own people",
    "auto_only": "only automatic replies came from the customer",
    "cannot_reply": "the channel does not let us write now",
    "no_address": "the customer's address is not known",
    "asked_upstream": "Chatwoot asked itself",
    "answered": "there is an answer already",
    "cooldown": "this customer was asked a short while ago",
    "too_late": "it is overdue for more than a day",
    "reopened": "the ticket was reopened",
}

_LASTING = frozenset({"disabled", "internal"})  # nothing hangs on when that is settled


def wants(view: View) -> Wants:
    """The survey about the current resolution: asked when its delay is over, or refused with a reason."""
    ticket = view.ticket
    if not ticket.resolutions:
        return NOTHING
    asked_last = partial(view.known.last_survey_at, ticket)
    return follow_up(view.before, ticket, view.policy.csat, asked_last=asked_last, now=view.now)


def follow_up(
    before: Ticket | None,
    ticket: Ticket,
    policy: CsatPolicy,
    *,
    asked_last: Callable[[], datetime | None],
    now: datetime,
) -> Wants:
    """Each resolution is decided once: asked when its delay is over, or refused with a reason.

    A refusal before that is only said, and looked at again then: what forbids it may have passed. `asked_last` tells
    when the customer was asked last; as that costs a look into the store, it is called only if all hangs on it.
    """
    decided = {resolution for resolution, _ in ticket.asked}
    cancelled = tuple(
        _cancelled(run, "reopened", at=run.reopened_at)
        for run in ticket.resolutions
        if run.reopened_at is not None and run.ordinal not in decided and not _was_reopened(before, run)
    )
    current = ticket.resolutions[-1] if ticket.resolutions else None
    if current is None or current.reopened_at is not None or current.ordinal in decided:
        return Wants(events=cancelled)
    due_at = current.resolved_at + policy.delay
    timer = (Timer("csat", current.key, due_at),)
    why_not = _refusal(ticket, current, policy, asked_last=asked_last, due_at=due_at, now=now)
    if why_not:
        event = _cancelled(current, why_not, at=now)
        if now >= due_at:
            return Wants(events=(*cancelled, event), facts=(Asked(current.ordinal, now, why_not),))
        return Wants(events=(*cancelled, event), timers=() if why_not in _LASTING else timer)
    if now < due_at:
        return Wants(events=(*cancelled, _scheduled(current, due_at)), timers=timer)
    return _ask(ticket, current, policy, cancelled, now=now)


def _ask(ticket: Ticket, run: Resolution, policy: CsatPolicy, cancelled: tuple[Event, ...], *, now: datetime) -> Wants:
    asked = Event(
        "csat.asked",
        run.key,
        now,
        "csat",
        f"resolution {run.ordinal} has stood for {hours(policy.delay.total_seconds())}; nothing speaks against asking",
        {
            "resolution": run.ordinal,
            "resolved_at": run.resolved_at.isoformat(),
            "language": ticket.language,
            **credit(ticket),
        },
    )
    text = in_words(policy, ticket.language)
    payload = {"text": text, "resolution": run.ordinal, "template": text, "language": ticket.language}
    payload |= by_mail(ticket)
    survey = Effect(EffectKind.SURVEY, run.key, payload)
    return Wants(events=(*cancelled, asked), effects=(survey,), facts=(Asked(run.ordinal, now),))


def in_words(policy: CsatPolicy, language: str) -> str:
    """The survey's text in the requester's language; the usual one where there is none for it, or it is not known."""
    return dict(policy.messages).get(language, policy.message)


def _refusal(
    ticket: Ticket,
    run: Resolution,
    policy: CsatPolicy,
    *,
    asked_last: Callable[[], datetime | None],
    due_at: datetime,
    now: datetime,
) -> str:
    """The first reason not to ask, or nothing. The cool-down is measured at the due time, so that it stays so."""
    reasons = (
        ("disabled", not policy.enabled),
        ("internal", ticket.internal),
        ("auto_only", ticket.auto_only),
        ("cannot_reply", not ticket.can_reply),
        ("no_address", not is_reachable(ticket)),
        ("asked_upstream", ticket.asked_upstream),
        ("answered", has_answer(ticket, run.ordinal)),
    )
    why_not = next((name for name, holds in reasons if holds), "")
    if not why_not and (last := asked_last()) is not None and due_at - last < policy.cooldown:
        why_not = "cooldown"
    return why_not or ("too_late" if now - due_at > TOO_LATE else "")


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
