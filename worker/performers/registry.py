"""Which performer a lane has; adding another side is adding a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.domain.effects import CHATWOOT, EVENT, MAIL, NOTICE
from worker.performers.base import Outside, Performer
from worker.performers.chatwoot import ChatwootPerformer
from worker.performers.event import EventPerformer
from worker.performers.mail import MailPerformer
from worker.performers.notice import NoticePerformer

PERFORMERS: Mapping[str, Callable[[Outside], Performer]] = {
    CHATWOOT: ChatwootPerformer,
    EVENT: EventPerformer,
    NOTICE: NoticePerformer,
    MAIL: MailPerformer,
}
"""By the lane's first word: the lane `event:crm` is performed by the performer of `event`."""


class Performers:
    """The performers of one process, each made when it is first needed."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._made: dict[str, Performer] = {}

    def of(self, lane: str) -> Performer | None:
        """The performer of this lane; None where nothing performs it."""
        name = lane.partition(":")[0]
        if name not in self._made and name in PERFORMERS:
            self._made[name] = PERFORMERS[name](self._outside)
        return self._made.get(name)
