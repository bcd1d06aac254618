"""A ticket's story as the SLA clocks see it: who waited from when to when, and when and why clocks stood still."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from worker.clock import aware

RUNNING = "running"
RESOLVED = "resolved"
WITH_BOT = "with_bot"
SNOOZED = "snoozed"
WAITING = "waiting_for_customer"
PRECEDENCE = (RESOLVED, WITH_BOT, SNOOZED, WAITING)
"""Of several reasons to pause at once, the first of these is named."""

Pause = tuple[datetime, datetime | None, str]
Wait = tuple[datetime, datetime | None]
Change = tuple[datetime, str]  # from when on, and why a clock then stands still, or RUNNING


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened to a ticket, by fact time, in any order; an end of None means still so.

    `customer_messages` are without automatic replies, `human_replies` without private notes, bots and our own.
    With `auto_only` (nobody but an autoresponder wrote) there are no clocks at all. Naive datetimes are refused.
    """

    created_at: datetime
    customer_messages: tuple[datetime, ...] = ()
    human_replies: tuple[datetime, ...] = ()
    paused: tuple[tuple[datetime, datetime | None, str], ...] = ()
    resolved: tuple[tuple[datetime, datetime | None], ...] = ()
    auto_only: bool = False
    restarts: tuple[datetime, ...] = ()  # those ends of `resolved` from which the resolution is promised anew

    def normalised(self) -> Timeline:
        """The same story in UTC, sorted, without repetitions."""
        resolved = tuple((start, end) for start, end, _ in _merged([(*stretch, RESOLVED) for stretch in self.resolved]))
        ends = {end for _, end in resolved}
        return Timeline(
            created_at=aware(self.created_at),
            customer_messages=tuple(sorted({aware(at) for at in self.customer_messages})),
            human_replies=tuple(sorted({aware(at) for at in self.human_replies})),
            paused=tuple(_merged(self.paused)),
            resolved=resolved,
            auto_only=self.auto_only,
            restarts=tuple(sorted({aware(at) for at in self.restarts} & ends)),
        )


def agent_began(story: Timeline) -> bool:
    """Whether somebody wrote to the requester before the requester wrote. All functions here want `normalised()`."""
    replies, messages = story.human_replies, story.customer_messages
    return bool(replies) and (not messages or replies[0] < messages[0])


def waits(story: Timeline) -> list[Wait]:
    """Each stretch in which the requester waited for an answer: from when, until when (None: still)."""
    answers = sorted({*story.human_replies, *(start for start, _ in story.resolved)})
    asked: Sequence[datetime] = story.customer_messages
    if not asked and not story.human_replies:
        asked = (story.created_at,)  # its first message has not been heard of yet
    found: list[Wait] = []
    until: datetime | None = None
    for at in asked:
        if found and (until is None or at <= until):
            continue
        index = bisect_left(answers, at)
        until = answers[index] if index < len(answers) else None
        found.append((max(at, story.created_at), until and max(until, story.created_at)))
    return found


def runs(story: Timeline) -> Iterator[Wait]:
    """Each stretch for which one resolution is promised: from the creation or a restart, until resolved for good."""
    begun = story.created_at
    for start, end in story.resolved:
        if end is None:
            yield begun, max(start, begun)
            return
        if end in story.restarts and end > begun:
            yield begun, max(start, begun)
            begun = end
    yield begun, None


def silences(story: Timeline) -> Iterator[Pause]:
    """From a human reply until the requester's next message."""
    spoken: datetime | None = None
    for reply in story.human_replies:
        if spoken is not None and reply < spoken:
            continue
        following = bisect_right(story.customer_messages, reply)
        if following == len(story.customer_messages):
            yield reply, None, WAITING
            return
        spoken = story.customer_messages[following]
        yield reply, spoken, WAITING


def changes(pauses: Iterable[Pause]) -> list[Change]:
    """When the reason to pause becomes another, one line out of overlapping pauses."""
    edges = sorted(
        edge for start, end, why in pauses for edge in ((start, 1, why), *(() if end is None else ((end, -1, why),)))
    )
    depth: dict[str, int] = {}
    found: list[Change] = []
    for at, group in groupby(edges, key=lambda edge: edge[0]):
        for _, step, why in group:
            depth[why] = depth.get(why, 0) + step
        reason = min((why for why, count in depth.items() if count), key=_rank, default=RUNNING)
        if reason != (found[-1][1] if found else RUNNING):
            found.append((at, reason))
    return found


def _rank(why: str) -> tuple[int, str]:
    return (PRECEDENCE.index(why) if why in PRECEDENCE else len(PRECEDENCE), why)


def _merged(stretches: Sequence[Pause]) -> Iterator[Pause]:
    """Sorted, overlapping ones of the same reason made one. An end before its start is no stretch."""
    if not stretches:
        return
    found: dict[str, list[Pause]] = {}
    ordered = sorted(
        ((aware(start), None if end is None else aware(end), why) for start, end, why in stretches),
        key=lambda stretch: (stretch[0], stretch[1] is None, stretch[1] or stretch[0], stretch[2]),
    )
    for start, end, why in ordered:
        same = found.setdefault(why, [])
        if same and (same[-1][1] is None or start < same[-1][1]):
            ends = (same[-1][1], end)
            same[-1] = (same[-1][0], None if None in ends else max(filter(None, ends)), why)
        elif end is None or start <= end:
            same.append((start, end, why))
    yield from sorted((stretch for same in found.values() for stretch in same), key=lambda each: (each[0], each[2]))
