"""The webhook sender: what arrives, how it is signed, and what its habits do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worker.practice.faults import Habits
from worker.practice.server import SECRET, PracticeChatwoot
from worker.signing import sign_chatwoot


class Inbox(ThreadingHTTPServer):
    """Keeps every request, with its headers and the port it came from."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.kept: list[tuple[dict[str, str], bytes, int]] = []


class _Keep(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append((dict(self.headers), body, self.client_address[1]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def practice(inbox: Inbox) -> Iterator[PracticeChatwoot]:
    url = f"http://127.0.0.1:{inbox.server_port}/webhooks/chatwoot"
    with PracticeChatwoot(webhook_url=url, sender_threads=1) as running:
        yield running


def opened(practice: PracticeChatwoot, inbox: Inbox, times: int = 1) -> list[dict[str, str]]:
    for n in range(times):
        practice.customer_opens("Lena", None, f"Hi & <b>bye</b> {n}")
    assert practice.sender.wait_idle()
    return [headers for headers, _, _ in inbox.kept]


class TestSending:
    def test_each_is_signed_over_its_bytes(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        opened(practice, inbox)

        assert len(inbox.kept) == 3
        for headers, body, _ in inbox.kept:
            signature = sign_chatwoot(SECRET, body, timestamp=headers["X-Chatwoot-Timestamp"])
            assert headers["X-Chatwoot-Signature"] == signature
            assert headers["Content-Type"] == "application/json"
            assert headers["User-Agent"] == "Ruby"

    def test_each_has_its_own_id_and_its_own_connection(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        opened(practice, inbox)

        assert len({headers["X-Chatwoot-Delivery"] for headers, _, _ in inbox.kept}) == 3
        assert len({port for _, _, port in inbox.kept}) == 3

    def test_the_record_holds_what_was_sent(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        opened(practice, inbox)

        assert [row.body for row in practice.sender.sent] == [body for _, body, _ in inbox.kept]
        assert [(row.event, row.result) for row in practice.sender.sent] == [
            ("contact_created", "200"),
            ("conversation_created", "200"),
            ("message_created", "200"),
        ]

    def test_a_receiver_that_is_away_gets_it_never(self) -> None:
        with PracticeChatwoot(webhook_url="http://127.0.0.1:9/", sender_threads=1) as practice:
            practice.customer_opens("Lena", None, "Hi")
            assert practice.sender.wait_idle()

            assert [row.result for row in practice.sender.sent] == ["ConnectionError"] * 3


class TestHabits:
    def test_duplicates_carry_the_same_id(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        practice.set_faults(habits=Habits(duplicates=1.0))

        ids = Counter(headers["X-Chatwoot-Delivery"] for headers in opened(practice, inbox))

        assert sorted(ids.values()) == [2, 2, 2]

    def test_copies_carry_a_new_one(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        practice.set_faults(habits=Habits(copies=1.0))

        ids = Counter(headers["X-Chatwoot-Delivery"] for headers in opened(practice, inbox))

        assert sorted(ids.values()) == [1] * 6
        assert sorted(Counter(body for _, body, _ in inbox.kept).values()) == [2, 2, 2]

    def test_dropped_ones_are_only_recorded(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        practice.set_faults(habits=Habits(drops=1.0))

        assert opened(practice, inbox) == []
        assert [row.result for row in practice.sender.sent] == ["dropped"] * 3

    def test_some_overtake_others(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        practice.set_faults(habits=Habits(reorder=0.5, hold_seconds=0.2))

        opened(practice, inbox, times=10)

        numbers = [row.number for row in practice.sender.sent]
        assert numbers != sorted(numbers)
        assert sorted(numbers) == list(range(1, 31))

    def test_without_habits_everything_comes_in_order(self, practice: PracticeChatwoot, inbox: Inbox) -> None:
        opened(practice, inbox, times=5)

        numbers = [row.number for row in practice.sender.sent]
        assert numbers == sorted(numbers)
