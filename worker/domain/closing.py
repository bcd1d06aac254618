"""Is it over: the aspect of a decision that closes resolved tickets, and says why it does not.

Resolving is the agent's; closing needs the definition of done (`domain.done`) and one of three:

- a person closes it by our own doors, whatever the ticket;
- the customer confirms: a message of nothing but the policy's words reopens nothing (`domain.confirming`), and when
  nothing else came for a while, the ticket closes. The source opens its conversation for that message all the same, so
  it is asked to resolve it again;
- nobody says anything for the quiet time, and the customer was told beforehand. The ticket stays resolved until the
  notice was really performed for the promised time; where it cannot be, a person must close.

An internal ticket is closed by a person alone, and what a rule or an AI asks for is only a proposal. What was decided
is kept as a fact.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain

from worker.domain.done import digest, missing
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Act, Closed, Verb
from worker.domain.reaching import by_mail, is_reachable
from worker.domain.ticket import Event, Resolution, Status, Ticket, Timer
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import hours, when

__all__ = ["TOO_LATE", "missing", "wants"]

TOO_LATE = timedelta(days=14)
"""Nobody is told any more that a request closes which should have been announced this long ago."""

CONFIRMATION, QUIET, AGENT = "confirmation", "quiet", "agent"


def wants(view: View) -> Wants:
    """Proposals, what is missing, and the end: now, later, or why not."""
    said = _join(_proposals(view), _resolved_again(view.ticket))
    run = _standing(view.ticket)
    if run is None:
        return said
    act = _closing_act(view, run)
    gaps = missing(view.ticket, view.policy)
    if gaps:
        return _join(said, _blocked(view, run, gaps, act))
    if act is not None:
        why = f": {act.reason}" if act.reason else ""
        return _join(said, _closed(view, run, AGENT, f"{act.actor} closed it{why}", no_earlier=act.at))
    if view.ticket.internal or not view.policy.closing.enabled:
        return said
    return _join(said, _confirmed(view, run) if view.ticket.confirmed_at is not None else _quiet(view, run))


def _standing(ticket: Ticket) -> Resolution | None:
    return ticket.resolutions[-1] if ticket.status is Status.RESOLVED else None


def _closing_act(view: View, run: Resolution) -> Act | None:
    """A person's close of this resolution; one from before it was about another."""
    acts = [act for act in view.story.acts if act.verb is Verb.CLOSE and not act.automatic]
    return next((act for act in reversed(acts) if act.at >= run.resolved_at), None)


def _proposals(view: View) -> Wants:
    asked = [act for act in view.story.acts if act.verb is Verb.CLOSE and act.automatic]
    if not asked:
        return NOTHING
    known = frozenset(view.before.acts) if view.before is not None else frozenset()
    new = [act for act in asked if act.key not in known]
    events, effects = [], []
    for act in new:
        text = f"{act.actor} proposes to close this ticket: {act.reason or 'no reason given'}. A person decides."
        data = {"actor": act.actor, "reason": act.reason}
        events.append(Event("ticket.close_proposed", act.key, act.at, "intake", text, data))
        effects.append(Effect(EffectKind.PRIVATE_NOTE, act.key, {"text": text}))
    return Wants(tuple(events), effects=tuple(effects))


def _resolved_again(ticket: Ticket) -> Wants:
    """The source opened the conversation for a message that confirms, as it does for each of them."""
    is_over = ticket.status in (Status.RESOLVED, Status.CLOSED) and ticket.confirmed_at is not None
    if not is_over or ticket.source_status not in ("open", "pending"):
        return NOTHING
    decision = f"confirmed:{ticket.resolutions[-1].key}:{ticket.confirmations[-1]}"
    return Wants(effects=(Effect(EffectKind.SET_STATUS, decision, {"status": "resolved"}),))


def _blocked(view: View, run: Resolution, gaps: tuple[str, ...], act: Act | None) -> Wants:
    """Said once for each list of what is missing; after a while, as what came with the resolution may still arrive."""
    policy = view.policy.closing
    if act is None and not policy.enabled:
        return NOTHING
    due_at = run.resolved_at + policy.wait if act is None else view.now
    if view.now < due_at:
        return Wants(timers=(Timer("closing", f"{run.key}:done", due_at),))
    key = f"{run.key}:{digest(gaps)}"
    reason = f"it cannot be closed yet: {'; '.join(gaps)}"
    event = Event("ticket.close_blocked", key, view.now, "intake", reason, {"missing": list(gaps)})
    lines = "\n".join(f"- {gap}" for gap in gaps)
    note = Effect(EffectKind.PRIVATE_NOTE, f"close_blocked:{key}", {"text": f"Not closed yet. Missing:\n{lines}"})
    return Wants((event,), effects=(note,))


def _confirmed(view: View, run: Resolution) -> Wants:
    confirmed_at = view.ticket.confirmed_at or run.resolved_at
    due_at = confirmed_at + view.policy.closing.wait
    if view.now < due_at:
        return Wants(timers=(Timer("closing", f"{run.key}:{CONFIRMATION}", due_at),))
    waited = _lasting(view.policy.closing.wait)
    reason = f"the customer confirmed it at {when(confirmed_at)} and added nothing for {waited}"
    return _closed(view, run, CONFIRMATION, reason)


def _quiet(view: View, run: Resolution) -> Wants:
    policy, now = view.policy.closing, view.now
    notice_at, over_at = run.resolved_at + policy.quiet - policy.notice, run.resolved_at + policy.quiet
    if now < notice_at:
        return Wants(timers=(Timer("closing", f"{run.key}:notice", notice_at),))
    sent_at = view.known.done_at(EffectKind.CLOSING_NOTICE, run.key)
    is_told = sent_at is not None and sent_at >= run.resolved_at  # one from before was about another resolution
    if sent_at is None or not is_told:
        why_not = _no_notice(view.ticket, overdue=now - notice_at)
        if why_not:
            return Wants((_waits(run, why_not, now),))
        return _announced(view, run, over_at)
    close_at = max(over_at, sent_at + policy.notice)
    if now < close_at:
        return Wants(timers=(Timer("closing", f"{run.key}:{QUIET}", close_at),))
    quiet = _lasting(now - run.resolved_at)
    reason = f"nothing came from the customer for {quiet}; they were told at {when(sent_at)}"
    return _closed(view, run, QUIET, reason)


_WAITS = {
    "cannot_reply": "the channel does not let us tell the customer, so a person must close it",
    "no_address": "the customer's address is not known, so a person must close it",
    "auto_only": "only automatic replies came from the customer, so nobody can be told: a person must close it",
    "too_late": f"its notice is overdue for more than {TOO_LATE.days} days, so a person must close it",
    "not_told": "the customer has not been told yet: the notice waits for approval, or could not be sent",
}
"""Why a ticket whose quiet time is over does not close."""


def _no_notice(ticket: Ticket, *, overdue: timedelta) -> str:
    reasons = (
        ("cannot_reply", not ticket.can_reply),
        ("no_address", not is_reachable(ticket)),
        ("auto_only", ticket.auto_only),
        ("too_late", overdue > TOO_LATE),
    )
    return next((why for why, holds in reasons if holds), "")


def _announced(view: View, run: Resolution, over_at: datetime) -> Wants:
    """The notice is asked for; whether it went out is looked at when the quiet time is over, and then once a `notice`.

    Nothing else tells: performing an effect is no reason to decide again.
    """
    policy, now = view.policy.closing, view.now
    closes_at = max(over_at, now + policy.notice)
    text = policy.message.replace("{date}", f"{closes_at:%Y-%m-%d}")
    payload = {"text": text, "resolution": run.ordinal, "template": policy.message, **by_mail(view.ticket)}
    stood = _lasting(policy.quiet - policy.notice)
    reason = f"resolved for {stood}: the customer is told that it closes on {closes_at:%Y-%m-%d}"
    event = Event("ticket.closing_announced", run.key, now, "intake", reason, {"resolution": run.ordinal})
    events = (event, _waits(run, "not_told", now)) if now >= over_at else (event,)
    looks = max(0, (now - over_at) // policy.notice + 1)
    timer = Timer("closing", f"{run.key}:{QUIET}", over_at + looks * policy.notice)
    return Wants(events, (timer,), (Effect(EffectKind.CLOSING_NOTICE, run.key, payload),))


def _waits(run: Resolution, why: str, now: datetime) -> Event:
    return Event("ticket.close_waits", f"{run.key}:{why}", now, "intake", f"not closed: {_WAITS[why]}", {"cause": why})


def _closed(view: View, run: Resolution, by: str, reason: str, *, no_earlier: datetime | None = None) -> Wants:
    """Now, but after what it follows from: where the source's clock is ahead, that has a later time."""
    fact = Closed(run.ordinal, max(view.now, run.resolved_at, no_earlier or run.resolved_at), by, reason)
    data = {"by": by, "resolution": run.ordinal, "text": view.ticket.resolution_text}
    return Wants((Event("ticket.closed", fact.key, fact.at, "intake", reason, data),), facts=(fact,))


def _lasting(time: timedelta) -> str:
    """By the clock on the wall, so in days."""
    rest = time - timedelta(days=time.days)
    parts = (f"{time.days} d" if time.days else "", hours(rest.total_seconds()) if rest or not time.days else "")
    return " ".join(part for part in parts if part)


def _join(*wants: Wants) -> Wants:
    if all(one is NOTHING for one in wants):
        return NOTHING
    return Wants(
        events=tuple(chain.from_iterable(one.events for one in wants)),
        timers=tuple(chain.from_iterable(one.timers for one in wants)),
        effects=tuple(chain.from_iterable(one.effects for one in wants)),
        facts=tuple(chain.from_iterable(one.facts for one in wants)),
    )
