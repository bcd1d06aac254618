"""Whether a customer has written since what is known here, told by Chatwoot's own times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import T0
from worker.clients.chatwoot_answers import wrote_since

KNOWN_AT = T0 + timedelta(microseconds=500_000)
SECOND = int(T0.timestamp())
CHANGED = SECOND + 2.5
HEARD = 40


def shown(**given: Any) -> dict[str, Any]:
    return {"updated_at": CHANGED, "waiting_since": 0, "last_non_activity_message": None, **given}


def a_message(second: Any, kind: int = 0, id_: int = 41) -> dict[str, Any]:
    return {"id": id_, "message_type": kind, "created_at": second}


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        (shown(), False),
        (shown(last_non_activity_message=a_message(SECOND + 1)), True),
        (shown(last_non_activity_message=a_message(SECOND)), True),  # of the second of the state that is known
        (shown(last_non_activity_message=a_message(SECOND - 1)), False),
        (shown(last_non_activity_message=a_message(SECOND + 1, id_=HEARD)), False),
        (shown(last_non_activity_message=a_message(None)), False),
        (shown(last_non_activity_message=a_message(SECOND + 1), updated_at=None), True),
        (shown(last_non_activity_message=a_message(SECOND + 1, kind=1)), False),
        (shown(last_non_activity_message=a_message(SECOND + 1, kind=1), waiting_since=SECOND + 1), True),
        (shown(waiting_since=SECOND + 1, updated_at=KNOWN_AT.timestamp()), False),
        (shown(waiting_since=SECOND), False),
        (shown(waiting_since=SECOND + 1, updated_at=None), False),
    ],
)
def test_only_what_the_customer_wrote_and_nobody_here_has_heard_of(
    conversation: dict[str, Any], expected: bool
) -> None:
    assert wrote_since(conversation, KNOWN_AT, is_heard=str(HEARD).__eq__) is expected
