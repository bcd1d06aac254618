"""When an escalation rule holds: since when, and what was seen, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from worker.domain.facts import Message
from worker.domain.matching import found, named, named_any, prose
from worker.domain.policy import EscalationRule
from worker.domain.view import View
from worker.domain.wording import metric, when

_READ_CHARACTERS = 5000  # of each message


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rule saw, and since when it is so."""

    at: datetime
    what: str


def sign_of(rule: EscalationRule, view: View) -> Sign | None:
    """The sign that the rule holds, dated by the last of its conditions to come true; None while one does not."""
    seen: list[Sign] = []
    for asked, find in _CONDITIONS:
        if getattr(rule, asked):
            sign = find(rule, view)
            if sign is None:
                return None
            seen.append(sign)
    return Sign(max(sign.at for sign in seen), "; ".join(sign.what for sign in seen)) if seen else None


def requests_of_run(view: View) -> tuple[Message, ...]:
    """What the customer wrote since the ticket was opened or last reopened, without mere confirmations.

    What is older than the policy's `clocks_from` was other people's to see to.
    """
    runs, start = view.ticket.resolutions, view.policy.clocks_from
    if not runs and start is None:
        return view.story.requests
    resolved_at = runs[-1].resolved_at if runs else None
    return tuple(
        message
        for message in view.story.requests
        if (resolved_at is None or message.at > resolved_at)
        and (start is None or message.at >= start)
        and message.key not in view.ticket.confirmations
    )


def _words(rule: EscalationRule, view: View) -> Sign | None:
    """Only what the customer wrote in a message: no automatic reply, nothing that a snapshot quotes."""
    for message in requests_of_run(view):
        if words := found(rule.words, _prose(message.subject, message.text[:_READ_CHARACTERS])):
            said = ", ".join(f'"{word}"' for word in words)
            return Sign(message.at, f"the customer wrote {said}")
    return None


def _category(rule: EscalationRule, view: View) -> Sign | None:
    is_so = named(rule.categories, view.ticket.category)
    return Sign(_began(view), f"it is about {view.ticket.category}") if is_so else None


def _labels(rule: EscalationRule, view: View) -> Sign | None:
    given = named_any(rule.labels, view.ticket.tags)
    if not given:
        return None
    shown = (shot.at for shot in view.story.snapshots if set(shot.labels) & set(given))
    by_hand = (act.at for act in view.story.acts if set(act.tags) & set(given))
    return Sign(min((*shown, *by_hand), default=view.ticket.updated_at), f"it is labelled {', '.join(given)}")


def _tier(rule: EscalationRule, view: View) -> Sign | None:
    is_so = named(rule.tiers, view.ticket.tier)
    return Sign(_began(view), f"the customer is {view.ticket.tier}") if is_so else None


def _messages(rule: EscalationRule, view: View) -> Sign | None:
    written = requests_of_run(view)
    if len(written) < rule.min_messages:
        return None
    return Sign(written[rule.min_messages - 1].at, f"the customer has written {len(written)} times without a solution")


def _breach(rule: EscalationRule, view: View) -> Sign | None:
    """A promise that is broken and still not kept."""
    broken = [
        (clock.breached_at, metric(clock))
        for clock in view.ticket.clocks
        if clock.breached_at is not None and clock.met_at is None and clock.metric in rule.breached
    ]
    if not broken:
        return None
    at, name = min(broken)
    return Sign(at, f"{name} was due by {when(at)}")


def _rating(rule: EscalationRule, view: View) -> Sign | None:
    counted = {survey: rating for survey, rating, _ in view.ticket.answers}
    low = [
        answer
        for answer in view.story.answers
        if answer.rating <= rule.max_rating and counted.get(answer.survey) == answer.rating
    ]
    return Sign(low[0].at, f"the customer gave {low[0].rating} of 5") if low else None


def _began(view: View) -> datetime:
    runs = view.ticket.resolutions
    reopened = runs[-1].reopened_at if runs else None
    return reopened if reopened is not None else view.ticket.created_at


@lru_cache(maxsize=2048)
def _prose(subject: str, text: str) -> str:
    """Remembered, as every rule looks at all of a ticket's messages."""
    return prose(f"{subject} . {text}")


_CONDITIONS: tuple[tuple[str, Callable[[EscalationRule, View], Sign | None]], ...] = (
    ("words", _words),
    ("categories", _category),
    ("labels", _labels),
    ("tiers", _tier),
    ("min_messages", _messages),
    ("breached", _breach),
    ("max_rating", _rating),
)
"""What a rule may ask for, by its field, and where it is looked for. All that are asked for must hold."""
