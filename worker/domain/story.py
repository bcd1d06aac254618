"""A ticket's facts told in order: sorted by their own time, once each, so that arrival plays no part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from worker.domain.facts import Answer, Asked, Author, Fact, Message, Routed, Snapshot

_RANK = {"open": 0, "pending": 1, "snoozed": 2, "resolved": 3}


@dataclass(frozen=True, slots=True)
class Reply:
    """A human's public reply: when, and the fact that tells of it."""

    at: datetime
    cause: str


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

    @property
    def last(self) -> Snapshot | None:
        """The snapshot that holds the registers."""
        return self.snapshots[-1] if self.snapshots else None


def tell(facts: Iterable[Fact]) -> Story:
    """The story of these facts, whatever their order and however often each is given. ValueError for no facts."""
    known = _once(facts)
    if not known:
        raise ValueError("a ticket without facts")
    messages: list[Message] = []
    snapshots: list[Snapshot] = []
    answers: list[Answer] = []
    routed: list[Routed] = []
    asked: list[Asked] = []
    for _, fact in sorted(known.items(), key=lambda item: (item[1].at, item[0])):
        match fact:
            case Message():
                messages.append(fact)
            case Snapshot():
                snapshots.append(fact)
            case Answer():
                answers.append(fact)
            case Routed():
                routed.append(fact)
            case Asked():
                asked.append(fact)
    registers = tuple(_registers(snapshots))
    written = [m for m in messages if m.author is Author.CUSTOMER and not m.private]
    requests = tuple(m for m in written if not m.auto_reply)
    times = [fact.at for fact in known.values()]
    return Story(
        created_at=min([*times, *(shot.created_at for shot in registers)]),
        updated_at=max(times),
        messages=tuple(messages),
        snapshots=registers,
        answers=tuple(answers),
        routed=max(routed, key=lambda one: one.ordinal, default=None),
        asked=tuple(asked),
        requests=requests,
        replies=tuple(_replies(messages, registers)),
        auto_only=not requests and (bool(written) or any(shot.auto_reply for shot in registers)),
    )


def _once(facts: Iterable[Fact]) -> dict[str, Fact]:
    """By key. Two tellings of one fact that differ cannot both be stored; here the same one wins in any order."""
    known: dict[str, Fact] = {}
    for fact in facts:
        key = fact.key
        other = known.setdefault(key, fact)
        if other is not fact and other != fact:
            known[key] = max(other, fact, key=repr)
    return known


def _replies(messages: Sequence[Message], snapshots: Sequence[Snapshot]) -> list[Reply]:
    """Agents' public messages, and the first reply a snapshot tells of, whose message may never have reached us."""
    own = {message.at for message in messages if message.author is Author.OWN}
    found: dict[datetime, str] = {}
    for message in messages:
        if message.author is Author.AGENT and not message.private and not message.auto_reply:
            found.setdefault(message.at, message.key)
    for shot in snapshots:
        if shot.first_reply_at is not None and shot.first_reply_at not in own:
            found.setdefault(shot.first_reply_at, shot.key)
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
        for name in ("priority", "team", "requester", "tier", "channel", "subject", "inbox_id", "text")
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
