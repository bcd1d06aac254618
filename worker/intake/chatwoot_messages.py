"""Chatwoot's messages: who wrote them, whether a machine did, and the survey answers they carry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from worker.domain.facts import Answer, Author, Message, Person
from worker.domain.intake import is_automatic, kind_of_mail
from worker.errors import Unparsable
from worker.intake.reading import MOST_HEADERS, Arrival, child, children, flag, identity, line, moment, needed, text

Body = Mapping[str, Any]

MARKER = "hookdesk"
"""Our key in `content_attributes` of what we wrote. `source_id` would keep Chatwoot from sending the message."""
_REPLY = "r"
"""How the marker begins when a person wrote it through us: `r12`. What we said ourselves is `e12`."""

_DIRECTIONS = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_AUTHORS = {"user": Author.AGENT, "agent_bot": Author.BOT, "captain_assistant": Author.BOT}


def direction(body: Body) -> str:
    """incoming, outgoing, activity or template; a word in events, a number where a conversation quotes it."""
    value = body.get("message_type")
    if isinstance(value, int) and not isinstance(value, bool):
        value = _DIRECTIONS.get(value)
    if not isinstance(value, str) or value not in _DIRECTIONS.values():
        raise Unparsable(f"message_type: expected incoming, outgoing, activity or template, got {value!r:.60}")
    return value


def message(body: Body, arrival: Arrival) -> Message:
    """The message of a message event."""
    attributes = child(body, "content_attributes")
    mail = child(attributes, "email")
    sender = child(body, "sender")
    return Message(
        id=needed(body, "id"),
        at=moment(body, "created_at") or arrival.at,
        author=_author(body, attributes, sender),
        text=_text(body, mail),
        private=flag(body, "private"),
        content_type=line(body, "content_type", limit=40) or "text",
        by=person(sender),
        auto_reply=_is_automatic(mail, sender),
        subject=line(mail, "subject"),
    )


def _author(body: Body, attributes: Body, sender: Body) -> Author:
    kind = direction(body)
    if attributes.get(MARKER) is not None:
        is_persons = str(attributes[MARKER]).startswith(_REPLY) and kind == "outgoing" and not flag(body, "private")
        return Author.AGENT if is_persons else Author.OWN
    if kind == "incoming":
        return Author.CUSTOMER
    is_automation = attributes.get("automation_rule_id") is not None
    is_campaign = child(body, "additional_attributes").get("campaign_id") is not None
    if kind != "outgoing" or is_automation or is_campaign:
        return Author.SYSTEM
    return _AUTHORS.get(line(sender, "type", limit=40), Author.SYSTEM)


def _text(body: Body, mail: Body) -> str:
    """Of mail only what is new in it, as Chatwoot cut it; else the content, which may be null."""
    for part in ("text_content", "html_content"):
        if quoted := text(child(mail, part), "quoted"):
            return quoted
    return text(body, "content")


def person(sender: Body) -> Person | None:
    """A contact, agent, bot or team; None for none."""
    if not sender:
        return None
    return Person(
        id=identity(sender, "id"), name=line(sender, "name", limit=200), email=line(sender, "email", limit=320) or None
    )


def _is_automatic(mail: Body, sender: Body) -> bool:
    if not mail:
        return False
    if mail.get("auto_reply") is True:
        return True
    headers = mail.get("headers")
    if not isinstance(headers, dict):
        return False
    pairs = [(name, value) for name, value in islice(headers.items(), MOST_HEADERS) if isinstance(value, str)]
    is_answer = bool(mail.get("in_reply_to"))
    kind = kind_of_mail(pairs, sender=line(sender, "email", limit=320), envelope_from=None, is_answer=is_answer)
    return is_automatic(kind)


def answer(body: Body, conversation: Body, arrival: Arrival) -> Answer | None:
    """The survey answer of an updated `input_csat`; None when it carries none (yet)."""
    if body.get("content_type") != "input_csat":
        return None
    submitted = child(body, "content_attributes").get("submitted_values")
    if not isinstance(submitted, dict):  # a list for other kinds of forms
        return None
    given = child(submitted, "csat_survey_response")
    if given.get("rating") is None:
        return None
    survey = needed(body, "id")
    at = _answered_at(survey, conversation) or arrival.at
    return Answer(survey=survey, at=at, rating=rating(given), feedback=text(given, "feedback_message"))


def rating(given: Body) -> int:
    """1 to 5; a page that posts a form gives it as text."""
    value = given.get("rating")
    if isinstance(value, str) and value in ("1", "2", "3", "4", "5"):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5:
        return value
    raise Unparsable(f"rating: expected 1 to 5, got {value!r:.40}")


def _answered_at(survey: str, conversation: Body) -> datetime | None:
    """The message's own event does not say when it was updated; the conversation that quotes it does."""
    for quoted in children(conversation, "messages"):
        if isinstance(quoted, dict) and identity(quoted, "id") == survey:
            return moment(quoted, "updated_at")
    return None
