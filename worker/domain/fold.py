"""The fold: facts in any order and repetition become one ticket, as of a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from worker.domain import sla
from worker.domain.csat import counting
from worker.domain.facts import Fact, Person, Snapshot, TicketKey
from worker.domain.intake import categorise, missing, subject_from
from worker.domain.matching import prose
from worker.domain.policy import Policy
from worker.domain.priority import Circumstances, Priority, prioritise
from worker.domain.story import Story, tell
from worker.domain.ticket import Clock, Status, Ticket
from worker.domain.walk import Walk, walk

LONGEST_DESCRIPTION = 1000
_READ_TEXTS = 5  # of the customer's texts, for category and score
_READ_CHARACTERS = 2000  # of each
_AT_ONCE = timedelta(seconds=5)


def fold(key: TicketKey, facts: Iterable[Fact], policy: Policy, *, as_of: datetime) -> Ticket:
    """The ticket that these facts tell of, `as_of` a time (which only waiting and deadlines depend on).

    A conversation older than the policy's `clocks_from` gets clocks only from the customer's next message after it.
    ValueError when there are no facts.
    """
    story = tell(facts)
    way = walk(story)
    last = story.last
    texts = _texts(story)
    subject = _subject(story, texts)
    words = prose(" . ".join((subject, *(text[:_READ_CHARACTERS] for text in texts[:_READ_TEXTS]))))
    requester, channel, tier = _requester(story), _channel(key, story), _tier(story)
    waiting_since = _waiting_since(story, way)
    seen = Circumstances(words, channel, tier, way.reopen_count, waiting_since)
    priority = prioritise(policy.score_rules, seen, upstream=last.priority if last else None, as_of=as_of)
    assignee, assignee_by = _assignee(story)
    team = _team(story)
    return Ticket(
        key=key,
        **_told(story, policy),
        **_walked(way),
        subject=subject,
        description=texts[0][:LONGEST_DESCRIPTION] if texts else "",
        channel=channel,
        requester=requester,
        tier=tier,
        category=categorise(policy, labels=last.labels if last else (), prose=words)[0],
        priority=priority.name,
        score=priority.score,
        score_reasons=priority.reasons,
        assignee=assignee,
        assignee_by=assignee_by,
        team=team,
        waiting_since=waiting_since,
        clocks=_clocks(story, way, policy, priority, (tier, channel, team), as_of=as_of),
        missing=missing(requester=requester, channel=channel, subject=subject),
    )


def _told(story: Story, policy: Policy) -> dict[str, Any]:
    """The fields that the facts give as they are."""
    last = story.last
    return {
        "created_at": story.created_at,
        "updated_at": story.updated_at,
        "tags": last.labels if last else (),
        "can_reply": last.can_reply if last else True,
        "registers_at": last.at if last else None,
        "asked_upstream": _asked_upstream(story),
        "auto_only": story.auto_only,
        "answers": _answers(story, policy),
        "routed": story.routed,
        "asked": tuple((one.resolution, one.refused) for one in story.asked),
    }


def _walked(way: Walk) -> dict[str, Any]:
    """The fields that the walk through the statuses gives."""
    return {
        "status": way.status,
        "with_bot": way.with_bot,
        "reopen_count": way.reopen_count,
        "edges": tuple(way.edges),
        "resolutions": tuple(way.resolutions),
    }


def _texts(story: Story) -> tuple[str, ...]:
    """What the customer wrote, in order; what a snapshot quotes of it, while no message has reached us."""
    written = story.requests or tuple(m for m in story.messages if m.auto_reply)
    if written:
        return tuple(message.text for message in written if message.text)
    return next(((shot.text,) for shot in story.snapshots if shot.text), ())


def _subject(story: Story, texts: tuple[str, ...]) -> str:
    for given in (*(s.subject for s in reversed(story.snapshots)), *(m.subject for m in story.messages)):
        if given:
            return given
    return next((subject for text in texts if (subject := subject_from(text))), "")


def _requester(story: Story) -> Person | None:
    shown = next((shot.requester for shot in reversed(story.snapshots) if shot.requester is not None), None)
    return shown or next((m.by for m in story.requests or story.messages if m.by is not None), None)


def _channel(key: TicketKey, story: Story) -> str:
    shown = next((shot.channel for shot in reversed(story.snapshots) if shot.channel), "")
    return shown or ("" if story.snapshots or key.source == "chatwoot" else key.source)


def _tier(story: Story) -> str | None:
    return next((shot.tier for shot in reversed(story.snapshots) if shot.tier), None)


def _asked_upstream(story: Story) -> bool:
    return any(m.content_type == "input_csat" for m in story.messages) or any(
        answer.via == "chatwoot" for answer in story.answers
    )


def _answers(story: Story, policy: Policy) -> tuple[tuple[str, int, str], ...]:
    """The latest that counts, of each survey."""
    counted = counting(story.answers, editable=policy.csat.editable)
    return tuple(sorted({one.survey: (one.survey, one.rating, one.feedback) for one in counted}.values()))


def _waiting_since(story: Story, way: Walk) -> datetime | None:
    """Since the first message that nobody has answered, by a reply or by resolving."""
    if way.status is Status.RESOLVED or story.auto_only:
        return None
    answered = [story.replies[-1].at] if story.replies else []
    answered += [run.resolved_at for run in way.resolutions[-1:]]
    for message in story.requests:
        if not answered or message.at > max(answered):
            return message.at
    return story.last.waiting_since if story.last is not None and not story.requests else None


def _assignee(story: Story) -> tuple[Person | None, str]:
    """Who has it and by whom: the source's human assignee, or the agent we routed it to while it shows nobody.

    A snapshot that shows our own agent is our echo. One that shows nobody after it was a change by hand.
    """
    shown = _human(story.last)
    ours = story.routed.agent if story.routed is not None else None
    if story.routed is None or ours is None:
        return shown, "source" if shown is not None else ""
    if shown is not None:
        return shown, "routing" if shown.id == ours.id else "source"
    routed_at = story.routed.at
    was_shown = any(shot.at > routed_at and _human(shot) is not None for shot in story.snapshots)
    return (None, "source") if was_shown else (ours, "routing")


def _human(shot: Snapshot | None) -> Person | None:
    return None if shot is None or shot.assignee_is_bot else shot.assignee


def _team(story: Story) -> Person | None:
    shown = story.last.team if story.last is not None else None
    if shown is not None or story.routed is None:
        return shown
    routed_at = story.routed.at
    was_shown = any(shot.at > routed_at and shot.team is not None for shot in story.snapshots)
    return None if was_shown else story.routed.team


def _clocks(
    story: Story,
    way: Walk,
    policy: Policy,
    priority: Priority,
    matched: tuple[str | None, str, Person | None],
    *,
    as_of: datetime,
) -> tuple[Clock, ...]:
    tier, channel, team = matched
    promised = sla.pick(
        policy.sla, priority=priority.name, tier=tier, channel=channel, team=(team.name or team.id) if team else None
    )
    timeline = sla.Timeline(
        created_at=story.created_at,
        customer_messages=tuple(message.at for message in story.requests) or _presumed(story),
        human_replies=tuple(reply.at for reply in story.replies),
        paused=tuple(way.paused),
        resolved=tuple((run.resolved_at, run.reopened_at) for run in way.resolutions),
        auto_only=story.auto_only,
    )
    if policy.clocks_from is not None and story.created_at < policy.clocks_from:
        later = _since(timeline, policy.clocks_from)
        return () if later is None else sla.clocks(later, promised, as_of=as_of)
    return sla.clocks(timeline, promised, as_of=as_of)


def _presumed(story: Story) -> tuple[datetime, ...]:
    """When the customer wrote, if none of their messages reached us: at the creation, unless an agent wrote then."""
    began = story.replies[0].at - story.created_at <= _AT_ONCE if story.replies else False
    return () if began else (story.created_at,)


def _since(timeline: sla.Timeline, start: datetime) -> sla.Timeline | None:
    """The same story begun by the customer's first message after `start`; None while there is none."""
    asked = tuple(at for at in timeline.customer_messages if at >= start)
    if not asked:
        return None
    return sla.Timeline(
        created_at=asked[0],
        customer_messages=asked,
        human_replies=tuple(at for at in timeline.human_replies if at >= asked[0]),
        paused=timeline.paused,
        resolved=tuple(run for run in timeline.resolved if run[1] is None or run[1] > asked[0]),
    )
