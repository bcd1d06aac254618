"""Statuses and priorities as people and programs write them: groups, aliases, any case."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from worker.domain.priority import PRIORITIES
from worker.domain.ticket import Status

GROUPS: Mapping[str, tuple[Status, ...]] = {
    "open": (Status.NEW, Status.TRIAGED, Status.IN_PROGRESS),  # it is our turn
    "waiting": (Status.PENDING_CUSTOMER,),
    "done": (Status.RESOLVED, Status.CLOSED),
}
"""Every status is in exactly one group."""

_STATUS_ALIASES: Mapping[str, tuple[Status, ...]] = {
    "active": GROUPS["open"],
    "assigned": (Status.IN_PROGRESS,),
    "inprogress": (Status.IN_PROGRESS,),
    "working": (Status.IN_PROGRESS,),
    "pending": (Status.PENDING_CUSTOMER,),
    "on_hold": (Status.PENDING_CUSTOMER,),
    "snoozed": (Status.PENDING_CUSTOMER,),
    "waiting_for_customer": (Status.PENDING_CUSTOMER,),
    "solved": (Status.RESOLVED,),
    "completed": GROUPS["done"],
    "finished": GROUPS["done"],
}
_PRIORITY_ALIASES: Mapping[str, str] = {
    "normal": "medium", "critical": "urgent", "p1": "urgent", "p2": "high", "p3": "medium", "p4": "low",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s_-]+")
_STATUSES = {status.value: (status,) for status in Status} | dict(GROUPS) | dict(_STATUS_ALIASES)
_PRIORITIES = {name: name for name in PRIORITIES} | dict(_PRIORITY_ALIASES)


def statuses_of(words: Iterable[str]) -> tuple[Status, ...]:
    """The statuses that these words (statuses, groups or aliases) mean, in the order of the work.

    ValueError, with a sentence that suggests the likely word, for one that means none.
    """
    found: set[Status] = set()
    for word in words:
        meant = _STATUSES.get(plain(word))
        if meant is None:
            known = [*(status.value for status in Status), *GROUPS]
            raise ValueError(f"{word!r} is not a status; {_suggestion(word, _STATUSES, known)}")
        found |= set(meant)
    return tuple(status for status in Status if status in found)


def priority_of(word: str) -> str:
    """The priority that a word means. ValueError like `statuses_of`."""
    meant = _PRIORITIES.get(plain(word))
    if meant is None:
        raise ValueError(f"{word!r} is not a priority; {_suggestion(word, _PRIORITIES, PRIORITIES)}")
    return meant


def plain(word: str) -> str:
    """`In-Progress` and `in progress` as `in_progress`."""
    return _SEPARATORS.sub("_", word.strip().casefold()).strip("_")


def _suggestion(word: str, means: Iterable[str], known: Iterable[str]) -> str:
    near = difflib.get_close_matches(plain(word), list(means), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
