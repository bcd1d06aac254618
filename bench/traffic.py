"""What is sent: webhooks as Chatwoot makes them, as of now, each distinct; and what stories are made of."""

from __future__ import annotations

import itertools
import json
import random
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from worker.cli.practice_events import REQUESTS, stories
from worker.signing import sign_chatwoot

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures" / "chatwoot"
WORDS = "02_message_created_incoming_webwidget.json"
RESOLVED = "09_conversation_status_changed_resolved.json"
BEGAN = datetime(2026, 6, 18, 9, 0, 1, tzinfo=UTC)  # the conversation in the fixtures
ACCOUNT = 1
FIRST = 1_000_000_000  # all numbers have ten digits, so that all bodies are of one length
MORE = 4_000_000_000  # added to the number of a first message: the customer's second one
_MORE = "Hello again, it is still not solved. Can you have another look, please?"
_CONVERSATION, _MESSAGE, _CONTACT = b"9000000001", b"9000000002", b"9000000003"
_MARKS = {
    '"id":312,': '"id":9000000001,',
    '"conversation_id":312,': '"conversation_id":9000000001,',
    '"id":9001,': '"id":9000000002,',
    '"id":9012,': '"id":9000000002,',
    '"id":41,': '"id":9000000003,',
    '"contact_id":41,': '"contact_id":9000000003,',
    '"sender_id":41,': '"sender_id":9000000003,',
    "cust-1009": "cust-9000000003",
    "+4915112345678": "+499000000003",
    "lena.fischer@": "customer-9000000003@",
}
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def new_tickets(first: int, count: int, *, at: datetime | None = None) -> Iterator[bytes]:
    """`count` bodies of `message_created`, each a new customer's first words in a new conversation."""
    began = (at or datetime.now(UTC) - timedelta(seconds=2)).replace(microsecond=0)
    made = [_template(WORDS, began, text) for text in REQUESTS]
    for number in range(first, first + count):
        yield _numbered(made[number % len(made)], number, message=number)


def mix(count: int) -> Iterator[bytes]:
    """Whole stories: conversations begun, assigned, answered, resolved, some opened again, with all their twins."""
    draw = random.Random(7)
    return (body for _, body in itertools.islice(stories(ACCOUNT, draw=draw), count))


def requests(url: str, secret: str, *, first: int, count: int) -> list[bytes]:
    """Whole HTTP requests, signed now, about new tickets."""
    parts = urlsplit(url)
    stamp = str(int(time.time()))
    return [_request(parts.netloc, parts.path, secret, stamp, body) for body in new_tickets(first, count)]


def external_id(number: int) -> str:
    """What Hookdesk and the recipe call the conversation of the `number`-th request."""
    return f"{ACCOUNT}/{FIRST + number}"


def more_words(number: int, *, began: datetime, at: datetime) -> bytes:
    """A `message_created` of the same customer in conversation `number`, which began earlier."""
    return _numbered(_template(WORDS, at, _MORE, began), number, message=number + MORE)


def resolved(number: int, *, began: datetime) -> bytes:
    """A `conversation_status_changed`: the conversation is resolved some twenty minutes after it began."""
    return _numbered(_template(RESOLVED, began), number, message=number)


def _numbered(body: bytes, number: int, *, message: int) -> bytes:
    digits = b"%d" % (FIRST + number)
    body = body.replace(_CONVERSATION, digits).replace(_CONTACT, digits)
    return body.replace(_MESSAGE, b"%d" % (FIRST + message))


@lru_cache(maxsize=64)
def _template(fixture: str, at: datetime, content: str | None = None, began: datetime | None = None) -> bytes:
    """A fixture with all its times moved to `at` (the conversation's own beginning to `began`), and number marks."""
    told = _moved(json.loads((FIXTURES / fixture).read_text("utf-8")), at - BEGAN)
    if began is not None:
        told["conversation"]["created_at"] = int(began.timestamp())
    plain = json.dumps(told, separators=(",", ":"))
    for old, new in _MARKS.items():
        plain = plain.replace(old, new)
    said = told.get("content")
    if content is not None:
        plain = plain.replace(json.dumps(said)[1:-1], json.dumps(content)[1:-1])
    return plain.encode()


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, dict):
        return {name: _moved(one, by) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, by) for one in value]
    if isinstance(value, int | float) and abs(value - BEGAN.timestamp()) < 100_000:
        return type(value)(value + by.total_seconds())
    if isinstance(value, str) and _ISO.fullmatch(value):
        at = datetime.fromisoformat(value) + by
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    return value


def _request(host: str, path: str, secret: str, stamp: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Chatwoot-Delivery: {uuid.uuid4()}\r\nX-Chatwoot-Timestamp: {stamp}\r\n"
        f"X-Chatwoot-Signature: {sign_chatwoot(secret, body, timestamp=stamp)}\r\n\r\n"
    )
    return head.encode() + body


def chunks(bodies: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Lists of at most `size`."""
    waiting = iter(bodies)
    while chunk := list(itertools.islice(waiting, size)):
        yield chunk
