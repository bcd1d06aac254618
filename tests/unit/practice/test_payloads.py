"""The practice Chatwoot's webhooks have the keys of the recorded ones: same names, same order, same types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from worker.clock import ManualClock
from worker.practice import payloads
from worker.practice.server import PracticeChatwoot
from worker.practice.world import Bot

RECORDED = Path(__file__).parents[2] / "fixtures" / "chatwoot"
FREE_FORM = {"custom_attributes"}  # maps an operator fills
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Story = Callable[[PracticeChatwoot, int], None]


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "time" if _TIME.fullmatch(value) else "text"
    return type(value).__name__


def differences(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Where two payloads differ in shape; null goes with everything."""
    if ours is None or theirs is None:
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            yield f"{at or 'top'}: {list(ours)} instead of {list(theirs)}"
        for key in ours.keys() & theirs.keys() - FREE_FORM:
            yield from differences(ours[key], theirs[key], f"{at}.{key}")
    elif at == ".changed_attributes":
        yield from _changes(ours, theirs)
    elif isinstance(ours, list) and isinstance(theirs, list):
        for one, other in zip(ours[:1], theirs[:1], strict=False):
            yield from differences(one, other, f"{at}[]")
    elif kind_of(ours) != kind_of(theirs):
        yield f"{at}: {kind_of(ours)} {ours!r} instead of {kind_of(theirs)} {theirs!r}"


def _changes(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[str]:
    """What changed is the story's; how it is said, and in which order, is Chatwoot's."""
    names = [name for pair in theirs for name in pair]
    same = [pair for pair in ours if next(iter(pair)) in names]
    if [list(pair) for pair in same] != [[name] for name in names]:
        yield f".changed_attributes: {ours} instead of {theirs}"
    for one, other in zip(same, theirs, strict=False):
        yield from differences(one, other, ".changed_attributes[]")


def nothing(practice: PracticeChatwoot, c: int) -> None:
    """The first message is story enough."""


def answered(practice: PracticeChatwoot, c: int) -> None:
    practice.assign(c, 7)
    practice.agent_replies(c, 7, "We are looking into it.")


def noted(practice: PracticeChatwoot, c: int) -> None:
    answered(practice, c)
    practice.private_note(c, 7, "Hm.")


def resolved(practice: PracticeChatwoot, c: int) -> None:
    practice.chat.assign_team(c, 2)
    practice.chat.set_labels(c, ["billing", "refund"])
    practice.chat.set_priority(c, "high")
    answered(practice, c)
    practice.chat.customer(c, "Perfect.", to=practice.world.conversation(c).shown)
    practice.resolve(c)


def asked(practice: PracticeChatwoot, c: int) -> None:
    resolved(practice, c)
    practice.chat.ask(c)


def rated(practice: PracticeChatwoot, c: int) -> None:
    asked(practice, c)
    practice.answers_survey(c, 5)


def praised(practice: PracticeChatwoot, c: int) -> None:
    asked(practice, c)
    practice.answers_survey(c, 5, "quick")


def reopened(practice: PracticeChatwoot, c: int) -> None:
    resolved(practice, c)
    practice.customer_writes(c, "Again!")


def snoozed(practice: PracticeChatwoot, c: int) -> None:
    reopened(practice, c)
    practice.snooze(c, 3600)


def assigned(practice: PracticeChatwoot, c: int) -> None:
    practice.assign(c, 7)


def teamed(practice: PracticeChatwoot, c: int) -> None:
    practice.assign(c, 7)
    practice.chat.assign_team(c, 2)


def labelled(practice: PracticeChatwoot, c: int) -> None:
    practice.chat.set_labels(c, ["billing", "refund"])


def urged(practice: PracticeChatwoot, c: int) -> None:
    practice.chat.set_priority(c, "high")


def with_bot(practice: PracticeChatwoot, c: int) -> None:
    practice.set_pending_bot(c)


def bot_wrote(practice: PracticeChatwoot, c: int) -> None:
    practice.set_pending_bot(c)
    practice.chat.reply(c, Bot(), "Your order number?")


STORIES: dict[str, tuple[str, Story]] = {
    "23_contact_created": ("contact_created", nothing),
    "01_conversation_created_webwidget": ("conversation_created", nothing),
    "02_message_created_incoming_webwidget": ("message_created", nothing),
    "03_message_created_outgoing_agent": ("message_created", answered),
    "04_message_created_private_note": ("message_created", noted),
    "06_message_created_input_csat_request": ("message_created", asked),
    "07_message_updated_input_csat_rating": ("message_updated", rated),
    "08_message_updated_input_csat_feedback": ("message_updated", praised),
    "09_conversation_status_changed_resolved": ("conversation_status_changed", resolved),
    "10_conversation_updated_resolved": ("conversation_updated", resolved),
    "11_conversation_status_changed_reopened": ("conversation_status_changed", reopened),
    "12_conversation_updated_snoozed": ("conversation_updated", snoozed),
    "13_conversation_updated_assigned": ("conversation_updated", assigned),
    "14_conversation_updated_team": ("conversation_updated", teamed),
    "15_conversation_updated_labels": ("conversation_updated", labelled),
    "16_conversation_updated_priority": ("conversation_updated", urged),
    "18_conversation_status_changed_pending_bot": ("conversation_status_changed", with_bot),
    "19_message_created_agent_bot": ("message_created", bot_wrote),
}
ANONYMOUS = {"18_conversation_status_changed_pending_bot", "19_message_created_agent_bot"}


@pytest.fixture
def practice() -> PracticeChatwoot:
    return PracticeChatwoot(clock=ManualClock(datetime(2026, 6, 18, 9, 0, 0, 123_456, tzinfo=UTC)))


def announced(practice: PracticeChatwoot) -> list[tuple[str, dict[str, Any]]]:
    return [(job.event, json.loads(job.body)) for _, _, job in sorted(practice.sender._due, key=lambda due: due[1])]


class TestShape:
    @pytest.mark.parametrize("name", STORIES)
    def test_it_is_that_of_the_recorded_one(self, practice: PracticeChatwoot, name: str) -> None:
        event, story = STORIES[name]
        recorded = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))

        email, plan = (None, None) if name in ANONYMOUS else ("lena@customer.example", "gold")
        story(practice, practice.customer_opens("Lena Fischer", email, "Hi", plan))

        ours = [payload for said, payload in announced(practice) if said == event][-1]
        assert list(differences(ours, recorded)) == []
        assert ours["event"] == recorded["event"]

    def test_every_event_the_practice_sends_is_compared(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena Fischer", "lena@customer.example", "Hi")
        resolved(practice, c)
        practice.chat.ask(c)
        practice.answers_survey(c, 3)
        practice.reopen(c)
        practice.chat.set_custom_attributes(c, {"order_id": "PO-1"})

        assert {event for event, _ in announced(practice)} == {event for event, _ in STORIES.values()}

    def test_a_difference_would_be_seen(self) -> None:
        theirs = {"a": 1, "b": {"c": "2026-06-18T09:00:01.533Z"}, "d": None}

        assert list(differences(theirs, theirs)) == []
        assert list(differences({"b": theirs["b"], "a": 1, "d": 1}, theirs))
        assert list(differences({"a": 1.0, "b": theirs["b"], "d": 1}, theirs))
        assert list(differences({"a": 1, "b": {"c": "yesterday"}, "d": 1}, theirs))


class TestTwins:
    def test_a_change_of_status_is_announced_twice(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena", None, "Hi")
        practice.resolve(c)

        events = [event for event, _ in announced(practice)][-2:]

        assert events == ["conversation_status_changed", "conversation_updated"]

    def test_a_customers_message_starts_the_waiting(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena", None, "Hi")
        practice.agent_replies(c, 7, "Hello")
        practice.customer_writes(c, "Still there?")

        (said, _), (changed, payload) = announced(practice)[-2:]

        assert (said, changed) == ("message_created", "conversation_updated")
        assert [list(pair) for pair in payload["changed_attributes"]] == [["updated_at"], ["waiting_since"]]

    def test_a_change_of_labels_is_announced_twice_over(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena", None, "Hi")
        practice.chat.set_labels(c, ["vip"])

        (_, first), (_, second) = announced(practice)[-2:]

        assert first == second

    def test_an_answer_to_the_survey_does_not_move_updated_at(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena", None, "Hi")
        practice.resolve(c, ask=True)
        before = practice.world.conversation(c).updated

        practice.answers_survey(c, 5, "quick")

        assert practice.world.conversation(c).updated == before
        given = [p["content_attributes"]["submitted_values"] for e, p in announced(practice) if e == "message_updated"]
        assert [row["csat_survey_response"]["feedback_message"] for row in given] == ["", "quick"]

    def test_updated_at_never_stands_still(self, practice: PracticeChatwoot) -> None:
        c = practice.customer_opens("Lena", None, "Hi")
        for priority in ("low", "high", "low"):
            practice.chat.set_priority(c, priority)

        times = [payload["updated_at"] for event, payload in announced(practice) if event == "conversation_updated"]

        assert times == sorted(set(times))


class TestBody:
    def test_it_is_written_as_rails_writes_it(self) -> None:
        assert payloads.body({"a": "<b> & ü\u2028"}) == '{"a":"\\u003cb\\u003e \\u0026 ü\\u2028"}'.encode()
