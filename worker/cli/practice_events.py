"""Real-shaped Chatwoot webhooks without a Chatwoot: what `sign` and `simulate` send."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from worker.clock import SystemClock
from worker.config import Settings
from worker.practice import payloads
from worker.practice.chat import Chat
from worker.practice.world import Agent, World

CUSTOMERS = (
    ("Lena Fischer", "lena.fischer@customer.example", "gold"),
    ("Omar Haddad", "omar.haddad@customer.example", "enterprise"),
    ("Sofia Rossi", "sofia.rossi@customer.example", None),
    ("Wei Zhang", "wei.zhang@customer.example", None),
    ("Anna Novak", "anna.novak@customer.example", "vip"),
)
REQUESTS = (
    "Hi, I was charged twice for invoice INV-20481. Can you check & refund one?",
    "Our shop is completely down since ten minutes, customers get 503. Urgent!",
    "I cannot log in, the verification code never arrives.",
    "Where is my parcel? The tracking page of order 77120 has not moved for a week.",
    "The export button does not work, it shows an error every time.",
    "How do I add a second user to my account?",
    "It would be great to have a dark mode. Just a suggestion.",
    "Thank you for the quick help last week!",
)
_ANSWERS = ("Thank you, I am looking into it.", "We found it and are working on it.", "This is done, please try again.")
_THEIRS = "known to its processes alone"


class _FreshWorld(World):
    """A world whose numbers nobody has used: two runs make different conversations."""

    def __init__(self, account_id: int) -> None:
        super().__init__(SystemClock(), account_id=account_id)
        self._base = int(time.time() * 10) % 1_000_000_000

    def next_id(self, kind: str) -> int:
        return super().next_id(kind) + self._base


def first_webhook(settings: Settings) -> bytes:
    """A `conversation_created` as Chatwoot sends it, of a conversation that did not exist before.

    A practice Chatwoot that runs on this data folder knows the conversation, so that what Hookdesk does about it works.
    """
    return _known_to_practice(settings) or _made_up(settings.chatwoot_account_id)


def practice_file(data_dir: Path) -> Path:
    """Where `hookdesk up --practice` writes the address of its Chatwoot."""
    return data_dir / "practice.url"


def with_practice(settings: Settings) -> Settings:
    """The settings as the processes of `hookdesk up --practice` have them, while it runs on this data folder.

    Only they know where the practice Chatwoot listens; what is decided beside them is performed by them all the same.
    """
    if settings.chatwoot_url is not None:
        return settings
    try:
        url = practice_file(settings.data_dir).read_text().strip()
    except OSError:  # none runs here
        return settings
    return replace(settings, chatwoot_url=url, chatwoot_token=_THEIRS)


def _known_to_practice(settings: Settings) -> bytes | None:
    name, email, plan = CUSTOMERS[1]
    story = {"name": name, "email": email, "plan": plan, "text": REQUESTS[1], "unheard": True}
    try:
        url = practice_file(settings.data_dir).read_text().strip()
        answer = requests.post(f"{url}/practice/conversations", json=story, timeout=1)
    except (OSError, requests.RequestException):  # none runs here, or not any more
        return None
    return answer.content if answer.status_code == 201 else None


def _made_up(account_id: int) -> bytes:
    draw = random.Random(1)  # noqa: S311  stories, not secrets
    return next(body for event, body in stories(account_id, draw=draw) if event == "conversation_created")


def stories(account_id: int, *, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """Endless (event, body): conversations that begin, are answered, resolved and sometimes reopened."""
    heard: list[tuple[str, dict[str, Any]]] = []

    def announce(event: str, payload: dict[str, Any]) -> None:
        heard.append((event, payload))

    world = _FreshWorld(account_id)
    chat = Chat(world, announce)
    agents = [agent for agent in world.agents.values() if agent.role == "agent"]
    while True:
        for step in _story(chat, agents, draw):
            step()
            for event, payload in heard:
                yield event, payloads.body({**payload, "event": event})
            heard.clear()


def _story(chat: Chat, agents: list[Agent], draw: random.Random) -> Iterator[Callable[[], object]]:
    """One conversation, step by step."""
    name, email, plan = draw.choice(CUSTOMERS)
    opened: list[int] = []
    yield lambda: opened.append(chat.open(name, email, draw.choice(REQUESTS), plan).id)
    agent = draw.choice(agents)
    yield lambda: chat.assign(opened[0], agent.id)
    if draw.random() < 0.8:
        yield lambda: chat.reply(opened[0], agent, draw.choice(_ANSWERS))
    if draw.random() < 0.5:
        yield lambda: chat.customer(opened[0], "Thanks! One more thing: when will it be done?")
        yield lambda: chat.reply(opened[0], agent, "Within the hour.")
    if draw.random() < 0.6:
        yield lambda: chat.set_status(opened[0], "resolved")
        if draw.random() < 0.3:
            yield lambda: chat.customer(opened[0], "Sorry, it happens again.")
