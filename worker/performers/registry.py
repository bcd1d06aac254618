"""Which performer a lane has, and whether its other side is configured; adding another side is adding a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from worker.config import Settings
from worker.domain.effects import CHATWOOT, EVENT, MAIL, NOTICE, Effect
from worker.domain.policy import Policy
from worker.performers import chatwoot, event, mail, notice
from worker.performers.base import Outside, Performer


class Side(NamedTuple):
    """Another side: who performs there, and whether settings and policy name it for an effect with this payload."""

    performer: Callable[[Outside], Performer]
    is_configured: Callable[[Mapping[str, Any], Settings, Policy], bool]


SIDES: Mapping[str, Side] = {
    CHATWOOT: Side(chatwoot.ChatwootPerformer, chatwoot.is_configured),
    EVENT: Side(event.EventPerformer, event.is_configured),
    NOTICE: Side(notice.NoticePerformer, notice.is_configured),
    MAIL: Side(mail.MailPerformer, mail.is_configured),
}
"""By the lane's first word: the lane `event:crm` is performed by the performer of `event`."""


def is_configured(effect: Effect, settings: Settings, policy: Policy) -> bool:
    """Whether anybody could perform this effect anywhere; where exactly, its ticket may still have to say."""
    side = SIDES.get(_name(effect.lane))
    return side is not None and side.is_configured(effect.payload, settings, policy)


class Performers:
    """The performers of one process, each made when it is first needed."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._made: dict[str, Performer] = {}

    def of(self, lane: str) -> Performer | None:
        """The performer of this lane; None where nothing performs it."""
        name = _name(lane)
        if name not in self._made and name in SIDES:
            self._made[name] = SIDES[name].performer(self._outside)
        return self._made.get(name)


def _name(lane: str) -> str:
    return lane.partition(":")[0]
