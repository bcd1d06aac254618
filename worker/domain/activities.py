"""What should be done after a resolution: ask how it was, and look whether it lasted. Called off by a reopening."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from worker.domain.csat import REFUSALS
from worker.domain.ticket import Activity, Ended, Event, Resolution, Ticket
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import when

SURVEY, HEALTH_CHECK = "satisfaction_survey", "health_check"
TOO_LATE = timedelta(days=1)
"""What has been due this long is not opened any more: the resolution was heard of too late."""


def wants(view: View) -> Wants:
    """Two activities per resolution that stands, and the end of those that have become pointless or are done."""
    ticket = view.ticket
    if ticket.internal or ticket.auto_only or not ticket.resolutions:
        return NOTHING
    opened: list[tuple[Activity, datetime, str]] = []
    ended = []
    before = {run.ordinal: run for run in view.before.resolutions} if view.before is not None else {}
    for run in ticket.resolutions:
        was = before.get(run.ordinal)
        if run.reopened_at is None:
            again = f"@{was.reopened_at.isoformat()}" if was is not None and was.reopened_at is not None else ""
            if was is None or again:  # the latter: what seemed to reopen it was none
                opened += [(one, run.resolved_at, again) for one in _opened(run, view)]
            ended += list(_survey_ended(run, view))
        elif was is not None and was.reopened_at is None:
            kinds = (kind for kind in (SURVEY, HEALTH_CHECK) if view.known.is_still_to_do(kind, run.key))
            ended += [Ended(kind, run.key, "the ticket was reopened") for kind in kinds]
    events = (*(created(one, at, again) for one, at, again in opened), *(_end(one, view.now) for one in ended))
    return Wants(events=events, activities=tuple(one for one, _, _ in opened), ended=tuple(ended))


def created(activity: Activity, at: datetime, again: str = "") -> Event:
    """The line of the log that tells of a new activity, or of one that was called off and is open `again`."""
    who = activity.assignee
    owner = {"id": who.id, "name": who.name} if who is not None else None
    data = {"type": activity.kind, "due_at": activity.due_at.isoformat(), "assignee": owner}
    reason = f"{_named(activity.kind, activity.key)}, due {when(activity.due_at)}: {activity.reason}"
    return Event("activity.created", f"{activity.kind}:{activity.key}{again}", at, "csat", reason, data)


def _opened(run: Resolution, view: View) -> Iterator[Activity]:
    asked_at = run.resolved_at + view.policy.csat.delay
    if view.policy.csat.enabled and view.now - asked_at <= TOO_LATE:
        yield Activity(SURVEY, run.key, asked_at, f"how was resolution {run.ordinal}?")
    look_at = run.resolved_at + view.policy.closing.health_check
    if view.now - look_at <= TOO_LATE:
        yield Activity(HEALTH_CHECK, run.key, look_at, f"does resolution {run.ordinal} hold?", view.ticket.assignee)


def _survey_ended(run: Resolution, view: View) -> Iterator[Ended]:
    """Done by an answer, whoever asked; called off when we decided not to ask."""
    before, refused = view.before, dict(view.ticket.asked).get(run.ordinal, "")
    if _answered(run, view.ticket, view) and not (before is not None and _answered(run, before, view)):
        yield Ended(SURVEY, run.key, "the customer answered", state="done")
    elif refused not in ("", "asked_upstream", "answered") and not _was_refused(run, before):
        yield Ended(SURVEY, run.key, REFUSALS[refused])


def _answered(run: Resolution, ticket: Ticket, view: View) -> bool:
    """Our own survey names the resolution; an answer to Chatwoot's own is about the one it came after."""
    surveys = {survey for survey, _, _ in ticket.answers}
    upstream = {one.survey for one in view.story.answers if one.at >= run.resolved_at and one.via == "chatwoot"}
    return bool(surveys & {run.key, str(run.ordinal), *upstream})


def _was_refused(run: Resolution, before: Ticket | None) -> bool:
    return before is not None and bool(dict(before.asked).get(run.ordinal, ""))


def _end(one: Ended, now: datetime) -> Event:
    reason = f"{_named(one.kind, one.key)} is {one.state}: {one.reason}"
    return Event(f"activity.{one.state}", f"{one.kind}:{one.key}", now, "csat", reason, {"type": one.kind})


def _named(kind: str, key: str) -> str:
    return f"{kind.replace('_', ' ')} about {key.replace(':', ' ')}"
