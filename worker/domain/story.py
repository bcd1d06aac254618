"""A ticket's facts told in order: sorted by their own time, once each, so that arrival plays no part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar, get_args

from worker.domain.facts import (
    Act,
    Answer,
    Asked,
    Author,
    Closed,
    Escalated,
    Fact,
    Folded,
    Followed,
    Matched,
    Message,
    Person,
    Routed,
    Snapshot,
    Verb,
)

T = TypeVar("T")

_KINDS = get_args(Fact)
_OURS = frozenset({Routed, Asked, Escalated, Closed, Followed, Matched, Folded})
_RANK = {"open": 0, "pending": 1, "snoozed": 2, "resolved": 3}
_OF_THE_REQUESTER = ("requester", "tier", "language", "organization")
_SET_BEATS_UNSET = (*_OF_THE_REQUESTER, "priority", "team", "channel", "subject", "inbox_id", "text", "attributes")


@dataclass(frozen=True, slots=True)
class Reply:
    """A human's public reply: when, and the fact that tells of it."""

    at: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A decision of ours about who has the ticket; `agent` None leaves it in the team's queue."""

    key: str
    at: datetime
    by: str  # routing, escalation or operator
    team: Person | None
    agent: Person | None
    instead_of: Person | None = None  # who had it, where routing took it from somebody
    after: datetime | None = None  # the newest snapshot that was known then; None where that is not told

    @property
    def tells_agent(self) -> bool:
        """Whether it says who has it; what only puts it into a queue leaves that as it is, unless a person says so."""
        return self.agent is not None or self.by == "operator"


@dataclass(frozen=True, slots=True)
class Story:
    """The facts by kind, each kind in order of time; ties are broken by key."""

    created_at: datetime
    updated_at: datetime
    messages: tuple[Message, ...]
    snapshots: tuple[Snapshot, ...]
    answers: tuple[Answer, ...]
    routed: Routed | None
    asked: tuple[Asked, ...]
    requests: tuple[Message, ...]  # what the customer wrote, without automatic replies
    replies: tuple[Reply, ...]
    auto_only: bool
    acts: tuple[Act, ...] = ()
    escalated: tuple[Escalated, ...] = ()
    closed: tuple[Closed, ...] = ()
    followed: Followed | None = None
    matched: Matched | None = None
    assignments: tuple[Assignment, ...] = ()

    @property
    def last(self) -> Snapshot | None:
        """The snapshot that holds the registers."""
        return self.snapshots[-1] if self.snapshots else None


_DECIDED = ("updated_at", "routed", "asked", "escalated", "matched", "assignments")
heard: Callable[[Story], tuple[object, ...]] = attrgetter(*(name for name in Story.__slots__ if name not in _DECIDED))
"""All of a story but what we decided about people and priority."""


def tell(facts: Iterable[Fact]) -> Story:
    """The story of these facts, whatever their order and however often each is given. ValueError for no facts."""
    known = _of_this_ticket(_once(facts))
    if not known:
        raise ValueError("a ticket without facts")
    by_kind: dict[type, list[Any]] = {kind: [] for kind in _KINDS}
    in_order = [fact for _, fact in sorted(known.items(), key=lambda item: (item[1].at, item[0]))]
    for fact in in_order:
        by_kind[type(fact)].append(fact)
    messages: list[Message] = by_kind[Message]
    acts: list[Act] = by_kind[Act]
    registers = tuple(_registers(by_kind[Snapshot]))
    followed: Followed | None = next(iter(by_kind[Followed]), None)
    written = [m for m in messages if m.author is Author.CUSTOMER and not m.private]
    requests = tuple(m for m in written if not m.auto_reply)
    others = (fact.at for fact in in_order if type(fact) not in _OURS)  # our clock may be behind the source's
    begun = min([next(others, in_order[0].at), *(shot.created_at for shot in registers if followed is None)])
    return Story(
        created_at=begun if followed is None else max(begun, followed.after),
        updated_at=in_order[-1].at,
        messages=tuple(messages),
        snapshots=registers,
        answers=tuple(by_kind[Answer]),
        routed=max(by_kind[Routed], key=lambda one: one.ordinal, default=None),
        asked=tuple(by_kind[Asked]),
        requests=requests,
        replies=tuple(_replies(messages, registers, acts, since=followed.after if followed else None)),
        auto_only=not requests and (bool(written) or any(shot.auto_reply for shot in registers)),
        acts=tuple(acts),
        escalated=tuple(by_kind[Escalated]),
        closed=tuple(by_kind[Closed]),
        followed=followed,
        matched=by_kind[Matched][-1] if by_kind[Matched] else None,
        assignments=tuple(_assignments(by_kind[Routed], by_kind[Escalated], acts)),
    )


def _assignments(routed: Iterable[Routed], escalated: Iterable[Escalated], acts: Iterable[Act]) -> list[Assignment]:
    """Our own decisions about who has it, in order of time and, within one decision, of its aspects.

    An escalation that found nobody moved nothing.
    """
    found = [
        Assignment(one.key, one.at, "routing", one.chosen_team, one.agent, one.instead_of, one.after) for one in routed
    ]
    found += [
        Assignment(up.key, up.at, "escalation", up.team, up.agent, after=up.after)
        for up in escalated
        if up.team or up.agent
    ]
    found += [Assignment(act.key, act.at, "operator", act.team, act.agent) for act in acts if act.verb is Verb.ASSIGN]
    return sorted(found, key=lambda one: (one.at, _ORDER.index(one.by), one.key))


_ORDER = ("routing", "escalation", "operator")


def _once(facts: Iterable[Fact]) -> dict[str, Fact]:
    """By key. Two tellings of one fact that differ cannot both be stored; here the same one wins in any order."""
    known: dict[str, Fact] = {}
    for fact in facts:
        key = fact.key
        other = known.setdefault(key, fact)
        if other is not fact and other != fact:
            known[key] = max(other, fact, key=repr)
    return known


def _of_this_ticket(known: dict[str, Fact]) -> dict[str, Fact]:
    """Of a follow-up without what was before it, which a source tells again: it marks an old answer as read, say."""
    followed = next((fact for fact in known.values() if isinstance(fact, Followed)), None)
    if followed is None:
        return known
    ours = _OURS | {Act}
    return {key: fact for key, fact in known.items() if type(fact) in ours or fact.at > followed.after}


def _replies(
    messages: Sequence[Message], snapshots: Sequence[Snapshot], acts: Sequence[Act], *, since: datetime | None
) -> list[Reply]:
    """Agents' public messages, replies given through us alone, and the first reply a snapshot tells of.

    Its message may never have reached us; one before `since` was another ticket's.
    """
    own = {message.at for message in messages if message.author is Author.OWN}
    found: dict[datetime, str] = {}
    for message in messages:
        if message.author is Author.AGENT and not message.private and not message.auto_reply:
            found.setdefault(message.at, message.key)
    for act in acts:  # where there is a conversation, the source tells of the message itself, once it is really there
        if act.verb is Verb.REPLY and (not snapshots or act.at < snapshots[0].at):
            found.setdefault(act.at, act.key)
    for shot in snapshots:
        at = shot.first_reply_at
        if at is not None and at not in own and (since is None or at > since):
            found.setdefault(at, shot.key)
    return [Reply(at, found[at]) for at in sorted(found)]


def _registers(snapshots: Sequence[Snapshot]) -> Iterable[Snapshot]:
    for _, group in groupby(snapshots, key=lambda shot: shot.at):
        same = list(group)
        yield same[0] if len(same) == 1 else _merged(same)


def _merged(same: Sequence[Snapshot]) -> Snapshot:
    """Snapshots of one microsecond differ in what each had already seen: what is set beats what is not."""
    last = same[-1]
    assigned = next((shot for shot in reversed(same) if shot.assignee is not None), last)
    texts = {
        name: next((value for shot in reversed(same) if (value := getattr(shot, name))), getattr(last, name))
        for name in _SET_BEATS_UNSET
    }
    return replace(
        last,
        **texts,
        status=max((shot.status for shot in same), key=lambda status: (_RANK.get(status, -1), status)),
        created_at=min(shot.created_at for shot in same),
        labels=tuple(dict.fromkeys(label for shot in same for label in shot.labels)),
        assignee=assigned.assignee,
        assignee_is_bot=assigned.assignee_is_bot,
        can_reply=all(shot.can_reply for shot in same),
        first_reply_at=min((at for shot in same if (at := shot.first_reply_at)), default=None),
        waiting_since=min((at for shot in same if (at := shot.waiting_since)), default=None),
        auto_reply=any(shot.auto_reply for shot in same),
    )
