"""The fold: facts in any order and repetition become one ticket, as of a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from worker.domain import sla
from worker.domain.answers import counting
from worker.domain.facts import Fact, TicketKey, Verb
from worker.domain.fields import fields_of
from worker.domain.holding import given_priority, holding
from worker.domain.intake import categorise, missing
from worker.domain.policy import Policy
from worker.domain.priority import Circumstances, prioritise
from worker.domain.promised import clocks_of, decisive, name_of, words_of
from worker.domain.reading import (
    channel_of,
    language_of,
    organization_of,
    requester_of,
    subject_of,
    texts_of,
    tier_of,
)
from worker.domain.resolving import resolution_text
from worker.domain.story import Story, heard, tell
from worker.domain.ticket import Clock, Status, Ticket
from worker.domain.walk import Walk, walk

LONGEST_DESCRIPTION = 1000


def fold(key: TicketKey, facts: Iterable[Fact], policy: Policy, *, as_of: datetime) -> Ticket:
    """The ticket that these facts tell of, `as_of` a time (which only waiting and deadlines depend on).

    A conversation older than the policy's `clocks_from` gets clocks only from the customer's next message after it.
    ValueError when there are no facts.
    """
    return fold_story(key, tell(facts), policy, as_of=as_of)


def fold_story(key: TicketKey, story: Story, policy: Policy, *, as_of: datetime) -> Ticket:
    """The same of facts that are told already."""
    way = walk(story, policy.closing)
    story = _asking(story, tuple(message.key for message in way.confirmations))
    last = story.last
    texts = texts_of(story)
    subject = subject_of(story, texts)
    words = words_of(subject, texts)
    requester, channel, tier = requester_of(story), channel_of(key, story), tier_of(story)
    waiting_since = _waiting_since(story, way)
    seen = Circumstances(words, channel, tier, way.reopen_count, waiting_since)
    decided = _decided(story, seen, policy, as_of=as_of)
    return Ticket(
        key=key,
        **_told(story, policy),
        **_walked(way, story, policy),
        **decided,
        subject=subject,
        description=texts[0][:LONGEST_DESCRIPTION] if texts else "",
        channel=channel,
        requester=requester,
        category=_given_category(story) or categorise(policy, labels=last.labels if last else (), prose=words)[0],
        waiting_since=waiting_since,
        clocks=_clocks(key, story, way, decided, channel, policy, as_of=as_of),
        missing=missing(requester=requester, channel=channel, subject=subject),
    )


def fold_further(ticket: Ticket, before: Story, story: Story, policy: Policy, *, as_of: datetime) -> Ticket:
    """The same where `ticket` is the fold of `before`, as of the same time, and `story` only tells more than that.

    Quicker when all that came to it is what we decided about people and priority, as most of a decision's own facts do.
    """
    if heard(story) != heard(before):
        return fold_story(ticket.key, story, policy, as_of=as_of)
    asking = _asking(story, ticket.confirmations)
    words = words_of(ticket.subject, texts_of(asking))
    seen = Circumstances(words, ticket.channel, tier_of(story), ticket.reopen_count, ticket.waiting_since)
    decided = _decided(asking, seen, policy, as_of=as_of)
    clocks = ticket.clocks
    if decisive(story, policy) != decisive(before, policy):
        way = walk(story, policy.closing)
        clocks = _clocks(ticket.key, asking, way, decided, ticket.channel, policy, as_of=as_of)
    return replace(ticket, **decided, clocks=clocks)


def _asking(story: Story, confirmations: Collection[str]) -> Story:
    """Without the messages of these keys: they are answers to us, no clock, count or subject comes of them."""
    if not confirmations:
        return story
    return replace(story, requests=tuple(one for one in story.requests if one.key not in confirmations))


def _decided(story: Story, seen: Circumstances, policy: Policy, *, as_of: datetime) -> dict[str, Any]:
    """The fields that what we decided about people and priority has a part in."""
    priority = prioritise(policy.score_rules, seen, given=given_priority(story), as_of=as_of)
    held = holding(story)
    return {
        "updated_at": story.updated_at,
        "tier": seen.tier,
        "priority": priority.name,
        "score": priority.score,
        "score_reasons": priority.reasons,
        "assignee": held.assignee,
        "assignee_by": held.by,
        "assignment": story.assignments[-1].key if story.assignments else "",
        "team": held.team,
        "routed": story.routed,
        "asked": tuple((one.resolution, one.refused) for one in story.asked),
        "organization": organization_of(story),
        "language": language_of(story),
        "matched": story.matched,
        "escalations": story.escalated,
    }


def _clocks(
    key: TicketKey,
    story: Story,
    way: Walk,
    decided: Mapping[str, Any],
    channel: str,
    policy: Policy,
    *,
    as_of: datetime,
) -> tuple[Clock, ...]:
    priority, tier, team = decided["priority"], decided["tier"], name_of(decided["team"])
    current = sla.pick(policy.sla, priority=priority, tier=tier, channel=channel, team=team)
    return clocks_of(key, story, way, policy, current, as_of=as_of)


def _told(story: Story, policy: Policy) -> dict[str, Any]:
    """The fields that the facts give as they are."""
    last = story.last
    return {
        "created_at": story.created_at,
        "tags": _tags(story),
        "can_reply": last.can_reply if last else True,
        "registers_at": last.at if last else None,
        "source_status": last.status if last else "",
        "asked_upstream": _asked_upstream(story),
        "auto_only": story.auto_only,
        "answers": _answers(story, policy),
        "internal": next((act.internal for act in reversed(story.acts) if act.internal is not None), False),
        "fields": fields_of(story, policy.fields),
        "proposed_close": _proposed_close(story),
        "generation": story.followed.generation if story.followed is not None else 1,
        "previous": story.followed.previous if story.followed is not None else None,
        "acts": tuple(act.key for act in story.acts),
    }


def _walked(way: Walk, story: Story, policy: Policy) -> dict[str, Any]:
    """The fields that the walk through the statuses gives."""
    begun = way.resolutions[-1].resolved_at if way.resolutions else None
    ended = next((one for one in reversed(story.closed) if way.status is Status.CLOSED), None)
    return {
        "closed_at": ended.at if ended is not None else None,
        "closed_by": ended.by if ended is not None else "",
        "customer_messages": sum(begun is None or message.at > begun for message in story.requests),
        "resolution_text": resolution_text(story, way.resolutions, policy.closing),
        "status": way.status,
        "replied": way.replied,
        "confirmed_at": way.confirmed_at,
        "confirmations": tuple(message.key for message in way.confirmations),
        "with_bot": way.with_bot,
        "reopen_count": way.reopen_count,
        "edges": tuple(way.edges),
        "resolutions": tuple(way.resolutions),
    }


def _given_category(story: Story) -> str:
    """What a person said it is about."""
    return next((act.category for act in reversed(story.acts) if act.category), "")


def _tags(story: Story) -> tuple[str, ...]:
    """The source's labels, and those given by our own doors."""
    shown = story.last.labels if story.last is not None else ()
    return tuple(dict.fromkeys((*shown, *(tag for act in story.acts for tag in act.tags))))


def _proposed_close(story: Story) -> str:
    asked = [act for act in story.acts if act.verb is Verb.CLOSE and act.automatic]
    return f"{asked[-1].actor}: {asked[-1].reason or 'no reason given'}" if asked else ""


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
