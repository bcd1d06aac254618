"""A practice Chatwoot per test, and a client with little patience."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from worker.clients.chatwoot import ChatwootClient
from worker.practice.server import TOKEN, PracticeChatwoot


@pytest.fixture
def practice() -> Iterator[PracticeChatwoot]:
    with PracticeChatwoot(stall_seconds=8, sender_threads=1) as running:
        yield running


@pytest.fixture
def client(practice: PracticeChatwoot) -> Iterator[ChatwootClient]:
    made = ChatwootClient(practice.url, 1, TOKEN, total_seconds=1.5)
    yield made
    made.close()


@pytest.fixture
def conversation(practice: PracticeChatwoot) -> int:
    practice.customer_opens("Somebody Else", "else@customer.example", "noise that must stay as it is")
    return practice.customer_opens("Lena Fischer", "lena@customer.example", "Charged twice", "gold")
