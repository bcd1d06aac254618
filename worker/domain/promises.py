"""Was the promise kept: the aspect of a decision that watches the clocks, warns, and tells when one is broken.

What is heard of long after its time, as after an outage, is told to the team in one notice, not ticket by ticket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from worker.domain import promise_keys, sla
from worker.domain.effects import Effect, EffectKind
from worker.domain.notes import breach_note, late_line, warning_note, withdrawal_note
from worker.domain.notices import ASSIGNEE, LEAD, address_of, notice
from worker.domain.policy import Policy
from worker.domain.priority import looks
from worker.domain.ticket import OPEN_STATUSES, Clock, Ticket, Timer
from worker.domain.view import View, Wants
from worker.domain.wording import metric


def wants(view: View) -> Wants:
    """A look at each share and deadline still ahead, and a word about each warning and breach that is new."""
    return Wants(timers=tuple(_timers(view)), effects=(*_withdrawals(view), *_warnings(view), *_breaches(view)))


def _breaches(view: View) -> Iterator[Effect]:
    """A private note on each; where it is late to say so, a line in the notice of the team."""
    before = _by_key(view.before)
    for clock in view.ticket.clocks:
        old = before.get(clock.key)
        if clock.breached_at is None or (old is not None and old.breached_at == clock.breached_at):
            continue
        decision = promise_keys.of_breach(clock)
        if _is_late(old, clock, clock.breached_at, view):
            yield _late(view, clock, decision, "is overdue")
        else:
            yield Effect(EffectKind.PRIVATE_NOTE, decision, {"text": breach_note(view.ticket, clock)})


def _warnings(view: View) -> Iterator[Effect]:
    """Of the highest share only, and not where there is no time left to act on it."""
    before = _by_key(view.before)
    for clock in view.ticket.clocks:
        if clock.met_at is not None or clock.breached_at is not None:
            continue
        share, at = clock.warned[-1] if clock.warned else (0, view.now)
        if share != _highest(clock, view.policy):
            continue
        old = before.get(clock.key)
        if old is not None and share in dict(old.warned):
            continue
        decision = promise_keys.of_warning(clock, share)
        if _is_late(old, clock, at, view):
            yield _late(view, clock, decision, "is at risk")
        else:
            yield from _warn(view, clock, share, decision)


def _warn(view: View, clock: Clock, share: int, decision: str) -> Iterator[Effect]:
    ticket, text = view.ticket, warning_note(view.ticket, clock, share)
    yield Effect(EffectKind.PRIVATE_NOTE, decision, {"text": text})
    if ticket.assignee is not None:
        roster = view.known.roster() if address_of(ticket.assignee, None) is None else None
        subject = _subject(ticket, clock, "is at risk")
        yield notice(ticket, view.policy, decision=decision, to=(ASSIGNEE,), subject=subject, text=text, roster=roster)


def _withdrawals(view: View) -> Iterator[Effect]:
    """Takes back what somebody may have read of a breach that was none; what was not performed yet is cancelled."""
    now = _by_key(view.ticket)
    for key, old in _by_key(view.before).items():
        clock = now.get(key)
        if old.breached_at is None or (clock is not None and clock.breached_at == old.breached_at):
            continue
        for breach in view.known.told(f"{promise_keys.BREACH}:{key}"):
            if breach.split(":")[1:3] == key.split(":"):
                decision = promise_keys.of_withdrawal(old, breach)
                yield Effect(EffectKind.PRIVATE_NOTE, decision, {"text": withdrawal_note(old, clock)})


def _late(view: View, clock: Clock, decision: str, what: str) -> Effect:
    subject, text = _subject(view.ticket, clock, what), late_line(view.ticket, clock)
    return notice(view.ticket, view.policy, decision=decision, to=(LEAD,), subject=subject, text=text, late=True)


def _subject(ticket: Ticket, clock: Clock, what: str) -> str:
    return f"{metric(clock)} {what}: {ticket.subject or ticket.key.external_id}"


def _is_late(old: Clock | None, clock: Clock, at: datetime, view: View) -> bool:
    """Whether it could have been told long ago: not when the target has only now become another."""
    is_retargeted = old is not None and old.target_seconds != clock.target_seconds
    return view.now - at > view.policy.notices.late and not is_retargeted


def _highest(clock: Clock, policy: Policy) -> int:
    return max((share for each in policy.sla if each.name == clock.policy for share in each.warn_at), default=0)


def _by_key(ticket: Ticket | None) -> dict[str, Clock]:
    return {clock.key: clock for clock in ticket.clocks} if ticket is not None else {}


def _timers(view: View) -> Iterator[Timer]:
    """A look at each deadline and share still ahead, and at the moment when waiting alone changes the priority."""
    ticket, rules = view.ticket, view.policy.score_rules
    for clock in ticket.clocks:
        if clock.deadline_at is not None and clock.met_at is None and clock.breached_at is None:
            yield Timer("sla", clock.key, clock.deadline_at)
            yield from _shares_ahead(clock, view)
    if ticket.waiting_since is not None and ticket.status in OPEN_STATUSES:
        for rule, at in looks(rules, score=ticket.score, waiting_since=ticket.waiting_since, as_of=view.now):
            yield Timer("priority", rule[:100], at)


def _shares_ahead(clock: Clock, view: View) -> Iterable[Timer]:
    used = dict(clock.warned)
    policy = next((each for each in view.policy.sla if each.name == clock.policy), None)
    for share in policy.warn_at if policy is not None else ():
        at = sla.reached_at(clock, policy, share=share) if policy is not None and share not in used else None
        if at is not None:
            yield Timer("warning", promise_keys.warning_key(clock, share), at)
