"""A bad answer to a survey: somebody calls the customer, and whoever has to know is told.

Once per survey. A customer who thinks better of it while the answer may be changed calls the follow-up off; one who
then thinks worse of it again opens another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from worker.domain.activities import created
from worker.domain.answers import counting, credit
from worker.domain.effects import Effect, EffectKind
from worker.domain.facts import Answer
from worker.domain.notices import ASSIGNEE, LEAD, notice
from worker.domain.policy import CsatPolicy
from worker.domain.ticket import Activity, Ended, Event, Ticket
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import label, when

KIND = "low_score"
LONGEST_QUOTE = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one survey says now. `times` counts how often it went low; `since` is when it last did."""

    latest: Answer
    is_low: bool
    times: int
    since: datetime

    @property
    def keys(self) -> tuple[str, ...]:
        """One for each time it went low."""
        survey = self.latest.survey
        return tuple(survey if n == 1 else f"{survey}:{n}" for n in range(1, self.times + 1))


def wants(view: View) -> Wants:
    """The follow-up of each answer that is low now and was not before, and the end of those that are so no more."""
    policy = view.policy.csat
    answers = counting(view.story.answers, editable=policy.editable) if policy.low_score else []
    each = [want for verdict in verdicts(answers, policy.low_score) for want in _about(view, verdict, policy)]
    if not each:
        return NOTHING
    return Wants(
        events=tuple(event for one in each for event in one.events),
        effects=tuple(effect for one in each for effect in one.effects),
        activities=tuple(activity for one in each for activity in one.activities),
        ended=tuple(end for one in each for end in one.ended),
    )


def verdicts(answers: Iterable[Answer], low_score: int) -> Iterator[Verdict]:
    """Of each survey that was ever answered low."""
    in_order = sorted(answers, key=lambda one: (one.survey, one.at, one.key))
    for _, given in groupby(in_order, key=lambda one: one.survey):
        is_low, times, since = False, 0, None
        for answer in given:
            if answer.rating <= low_score and not is_low:
                times, since = times + 1, answer.at
            is_low = answer.rating <= low_score
        if since is not None:
            yield Verdict(answer, is_low, times, since)


def _about(view: View, verdict: Verdict, policy: CsatPolicy) -> Iterator[Wants]:
    """What was low before this decision has its follow-up already, or is from before there were any."""
    known = {survey: rating for survey, rating, _ in view.before.answers} if view.before is not None else {}
    was_low = known.get(verdict.latest.survey, policy.low_score + 1) <= policy.low_score
    if verdict.is_low and not was_low:
        yield _opened(view, verdict, policy)
    elif not verdict.is_low:
        yield _called_off(view, verdict, was_low=was_low)


def _opened(view: View, verdict: Verdict, policy: CsatPolicy) -> Wants:
    answer, key, ticket = verdict.latest, verdict.keys[-1], view.ticket
    due_at = verdict.since + policy.low_score_within
    reason = f"the customer gave {answer.rating} of 5: {_owner(ticket)} should ask what went wrong by {when(due_at)}"
    data = {"survey": answer.survey, "rating": answer.rating, "due_at": due_at.isoformat(), **credit(ticket)}
    of_it = {"survey": answer.survey, "low_score": policy.low_score}  # for the stale check
    text = _text(ticket, answer, due_at)
    told = notice(
        ticket,
        view.policy,
        decision=f"{KIND}:{key}",
        to=(ASSIGNEE, LEAD),
        subject=f"{answer.rating} of 5 from {label(ticket.requester)}: {ticket.subject}",
        text=text,
        roster=view.known.roster() if ticket.assignee is not None and not ticket.assignee.email else None,
    )
    note = Effect(EffectKind.PRIVATE_NOTE, f"{KIND}:{key}", {"text": text, **of_it})
    task = f"the customer gave {answer.rating} of 5: ask what went wrong"
    activity = Activity(KIND, key, due_at, task, ticket.assignee)
    low = Event("csat.low_score", key, verdict.since, "csat", reason, data)
    return Wants(
        events=(low, created(activity, verdict.since)),
        effects=(note, replace(told, payload={**told.payload, **of_it})),
        activities=(activity,),
    )


def _called_off(view: View, verdict: Verdict, *, was_low: bool) -> Wants:
    """Said once; the note is wanted whenever the first one turns out to have been written."""
    answer, key = verdict.latest, verdict.keys[-1]
    reason = f"the customer changed the answer to {answer.rating} of 5: nobody needs to call about it"
    events = (Event("csat.low_score_withdrawn", key, answer.at, "csat", reason, {"survey": answer.survey,
              "rating": answer.rating}),) if was_low else ()  # fmt: skip
    was_told = any(view.known.done_at(EffectKind.PRIVATE_NOTE, f"{KIND}:{one}") is not None for one in verdict.keys)
    text = f"The customer changed their answer to {answer.rating} of 5. The follow-up is called off."
    note = (Effect(EffectKind.PRIVATE_NOTE, f"{KIND}_withdrawn:{key}", {"text": text}),) if was_told else ()
    return Wants(events=events, effects=note, ended=tuple(Ended(KIND, one, reason) for one in verdict.keys))


def _owner(ticket: Ticket) -> str:
    return label(ticket.assignee) if ticket.assignee is not None else "Somebody"


def _text(ticket: Ticket, answer: Answer, due_at: datetime) -> str:
    said = f"They wrote: {answer.feedback[:LONGEST_QUOTE]}" if answer.feedback else "They wrote nothing with it."
    task = f"{_owner(ticket)} should ask what went wrong by {when(due_at)}."
    return f"The customer gave {answer.rating} of 5. {said}\n{task}"
