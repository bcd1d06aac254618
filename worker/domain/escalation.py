"""Is it in good hands: the aspect of a decision that hands a ticket to a senior, once per reason, and then waits.

Rules are data (`[[escalation]]` of the policy). A rule fires when all it asks for has come true and the first level's
time has passed; it fires once per ticket, and two rules with the same reason count as one. It goes up a level when the
next level's time has passed since the one before, as long as the rule still holds, the ticket is open and no human has
answered the customer since the rule came true. A person's own escalation is a rule of its own, with one level.

What was decided is kept as a fact, so neither repetition nor order nor a restart makes it happen twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from worker.domain.effects import Effect, EffectKind
from worker.domain.escalation_signs import Sign, sign_of
from worker.domain.facts import Act, Escalated, Person, Verb
from worker.domain.handover import handing_over
from worker.domain.notices import notice
from worker.domain.policy import EscalationRule
from worker.domain.priority import PRIORITIES, is_lower
from worker.domain.seniors import Target, target
from worker.domain.ticket import OPEN_STATUSES, Event, Status, Ticket, Timer
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import label

LABEL = "escalated"
BY_HAND = "by_hand"
_EVERYBODY = ("assignee", "target", "lead")

Signs = dict[str, Sign | None]  # by rule, of those that were looked for


@dataclass(frozen=True, slots=True)
class Step:
    """One level of one rule: when it is due, and what for."""

    rule: str
    level: int
    due_at: datetime
    reason: str
    what: str
    team: str | None = None
    priority: str = ""
    notify: tuple[str, ...] = _EVERYBODY
    act: Act | None = None
    is_of_a_breach: bool = False


def wants(view: View) -> Wants:
    """Every step that is due, one after the other, as each changes the ticket; and a look at those still ahead."""
    if view.ticket.status is Status.CLOSED or view.ticket.auto_only:
        return NOTHING
    facts: list[Escalated] = []
    events: list[Event] = []
    effects: list[Effect] = []
    signs: Signs = {}
    steps = tuple(_steps(view, signs))
    while (step := next((one for one in steps if one.due_at <= view.now), None)) is not None:
        moved = next((one for one in facts if one.team is not None or one.agent is not None), None)
        to = _target(step, view, moved)
        fact = _decided(step, to, view)
        after = view.plus((fact,))
        events.append(_event(step, fact, to))
        effects += _effects(step, fact, to, view, after.ticket)
        facts.append(fact)
        if after.ticket.clocks != view.ticket.clocks:
            signs.clear()  # nothing else that a rule looks at is changed by an escalation
        view, steps = after, tuple(_steps(after, signs))
    timers = tuple(Timer("escalation", f"{step.rule}:{step.level}", step.due_at) for step in steps)
    if not facts:
        return Wants(timers=timers)
    return Wants(tuple(events), timers, tuple(effects), tuple(facts), view=view)


def _decided(step: Step, to: Target, view: View) -> Escalated:
    is_raised = step.priority in PRIORITIES and is_lower(view.ticket.priority, step.priority)
    written = step.priority if is_raised else ""
    return Escalated(
        step.rule, step.level, view.moment, step.reason, to.team, to.agent, step.priority, to.candidates, written,
        view.known_until,
    )  # fmt: skip


def _steps(view: View, signs: Signs) -> Iterator[Step]:
    """The next step of each rule that holds; at most one each."""
    is_open = view.ticket.status in OPEN_STATUSES
    if is_open:
        yield from _by_hand(view)
    last = {one.rule: one for one in sorted(view.ticket.escalations, key=lambda one: one.level)}
    reasons = {one.reason for one in view.ticket.escalations}
    for rule in view.policy.escalation:
        may_be_resolved = rule.max_rating > 0  # an answer comes after the resolution
        if (is_open or may_be_resolved) and (rule.name in last or rule.reason not in reasons):
            step = _step(rule, view, last.get(rule.name), signs)
            if step is not None:
                yield step


def _by_hand(view: View) -> Iterator[Step]:
    done = {one.rule for one in view.ticket.escalations}
    runs = view.ticket.resolutions
    for act in view.story.acts:
        rule = f"{BY_HAND}:{act.id}"
        if act.verb is Verb.ESCALATE and rule not in done and (not runs or act.at > runs[-1].resolved_at):
            reason = act.reason or f"{act.actor} asked for it"
            due_at = min(act.at, view.now)  # at once, also where the source's clock is ahead of ours
            yield Step(rule, 1, due_at, reason, f"asked for by {act.actor}", act=act)


def _step(rule: EscalationRule, view: View, last: Escalated | None, signs: Signs) -> Step | None:
    level = 1 if last is None else last.level + 1
    if level > len(rule.levels):
        return None
    if rule.name not in signs:
        signs[rule.name] = sign_of(rule, view)
    sign = signs[rule.name]
    if sign is None or (last is not None and _is_answered(sign, view)):
        return None
    wanted = rule.levels[level - 1]
    due_at = (sign.at if last is None else last.at) + wanted.after
    what = sign.what if last is None else f"{sign.what}; nobody has answered since level {last.level}"
    breach = bool(rule.breached)
    return Step(
        rule.name, level, due_at, rule.reason, what, wanted.team, rule.priority, rule.notify, is_of_a_breach=breach
    )


def _is_answered(sign: Sign, view: View) -> bool:
    return any(reply.at > sign.at for reply in view.story.replies)


def _target(step: Step, view: View, moved: Escalated | None) -> Target:
    """Of several reasons at once the first that finds somebody moves the ticket."""
    ticket, act = view.ticket, step.act
    if act is not None and act.agent is not None:
        return Target(act.team, act.agent, (), f"{act.actor} chose {label(act.agent)}")
    if ticket.status not in OPEN_STATUSES:
        return Target(None, None, (), "the ticket is resolved, so nobody gets it")
    if moved is not None:
        return Target(None, None, (), f"it has just gone to {label(moved.agent or moved.team)}")
    team = (act.team.id or act.team.name) if act is not None and act.team is not None else step.team
    return target(team, ticket, view.known.roster(), view.policy, now=view.now, level=step.level)


def _event(step: Step, fact: Escalated, to: Target) -> Event:
    data = {
        "reason": fact.reason,
        "rule": fact.rule,
        "level": fact.level,
        "target": {"team": _person(fact.team), "agent": _person(fact.agent)},
        "candidates": [
            {"agent": _person(one.agent), "open_tickets": one.open_tickets, "capacity": one.capacity,
             "rejected": one.rejected}
            for one in fact.candidates
        ],
    }  # fmt: skip
    reason = f"level {fact.level}, {fact.reason}: {step.what}; {to.why}"
    return Event("ticket.escalated", fact.key, fact.at, "routing", reason, data)


def _effects(step: Step, fact: Escalated, to: Target, view: View, after: Ticket) -> Iterator[Effect]:
    """What people read comes last.

    Breaches heard of late come in crowds: no note on each ticket then, and one notice for the team.
    """
    before = view.ticket
    is_late = step.is_of_a_breach and view.now - step.due_at > view.policy.notices.late
    team, agent = fact.team, fact.agent
    yield from handing_over(fact.key, team, agent)
    if before.with_bot:  # else nobody would see it: what the bot has is not in the agents' list
        yield Effect(EffectKind.SET_STATUS, fact.key, {"status": "open"})
    if fact.written:
        yield Effect(EffectKind.SET_PRIORITY, fact.key, {"priority": fact.written})
    yield Effect(EffectKind.ADD_LABELS, LABEL, {"labels": [LABEL]})
    name = f"{after.key.external_id} {after.subject}".strip()
    text = f"{name}: {step.what}; {to.why}" if is_late else _note(step, to, before, after)
    if not is_late:
        yield Effect(EffectKind.PRIVATE_NOTE, fact.key, {"text": text})
    yield notice(
        after,
        view.policy,
        decision=fact.key,
        to=("lead",) if is_late else step.notify,
        late=is_late,
        subject=f"Escalated: {after.subject or after.key.external_id} ({fact.reason})",
        text=text,
        roster=view.known.roster(),
        assignee=before.assignee,
        target=agent,
        team=team,
    )


def _note(step: Step, to: Target, before: Ticket, after: Ticket) -> str:
    lines = [f"Escalated, level {step.level}: {step.reason}.", f"Seen: {step.what}.", f"Target: {to.why}."]
    if after.priority != before.priority:
        lines.append(f"Priority raised from {before.priority} to {after.priority}.")
    return "\n".join(lines)


def _person(person: Person | None) -> dict[str, str | None] | None:
    return None if person is None else {"id": person.id, "name": person.name}
