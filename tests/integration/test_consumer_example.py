"""The documented example of a consumer, run as it is documented, takes what Hookdesk sends: each event once."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.guards.repository import ROOT
from tests.receiving import OLD_SECRET, SECRET
from tests.unit.performers.telling import Bench, a_bench, an_event
from worker.performers.identity import lasting
from worker.signing import standard_headers

EXAMPLE = ROOT / "deploy" / "consumer" / "consumer.py"
PATIENCE_SECONDS = 30.0
Start = Callable[..., str]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as made:
        made.clock.advance(time.time() - made.clock.now().timestamp())  # the example checks the time
        yield made


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[Start]:
    """Start it as its first lines say; returns where it takes events."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*secrets: str) -> str:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "flask", "--app", str(EXAMPLE), "run", "--port", str(port)]
        given = {"CONSUMER_SECRETS": ",".join(secrets), "CONSUMER_DATABASE": str(tmp_path / "events.db")}
        started.append(
            subprocess.Popen(command, env={**os.environ, **given}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        _wait_for(port)
        return f"http://127.0.0.1:{port}/hooks"

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the example did not start")


def kept(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "events.db")) as events:
        return [row[0] for row in events.execute("SELECT id FROM events ORDER BY rowid")]


class TestConsumer:
    def test_it_keeps_what_hookdesk_sends(self, bench: Bench, consumer: Start, tmp_path: Path) -> None:
        bench.target(consumer(SECRET))
        events = bench.add(an_event(1), an_event(2))

        bench.perform()

        assert [bench.effect(one).state for one in events] == ["done", "done"]
        assert kept(tmp_path) == [f"evt_{lasting(bench.effect(one))}" for one in events]
        assert bench.effect(events[0]).result["said"] == "kept"

    def test_a_repetition_is_kept_once(self, consumer: Start, tmp_path: Path) -> None:
        url = consumer(SECRET)
        headers = standard_headers(SECRET, b"{}", message_id="evt_e4", timestamp=int(time.time()))

        said = [requests.post(url, data=b"{}", headers=headers, timeout=5).text for _ in range(2)]

        assert (said, kept(tmp_path)) == (["kept", "known already"], ["evt_e4"])

    def test_while_a_secret_changes_nothing_is_lost(self, bench: Bench, consumer: Start, tmp_path: Path) -> None:
        """We sign with both first, then it learns the new one, then the old one goes."""
        bench.set(event_secrets=(("", SECRET), ("", OLD_SECRET)))
        bench.target(consumer(OLD_SECRET), "old")
        bench.target(consumer(SECRET), "new")
        bench.target(consumer(SECRET, OLD_SECRET), "both")
        events = bench.add(an_event(1, "old"), an_event(1, "new"), an_event(1, "both"))

        bench.perform()

        assert [bench.effect(one).state for one in events] == ["done"] * 3

    @pytest.mark.parametrize(
        "change",
        [
            {"webhook-signature": "v1,AAAA"}, {"webhook-signature": "v1,ü".encode().decode("latin-1")},
            {"webhook-signature": ""}, {"webhook-id": "evt_e5"}, {"webhook-timestamp": "1"},
            {"webhook-timestamp": "²"},
        ],
    )  # fmt: skip
    def test_it_refuses_what_is_forged_or_old(self, consumer: Start, tmp_path: Path, change: dict[str, str]) -> None:
        url = consumer(SECRET)
        headers = standard_headers(SECRET, b"{}", message_id="evt_e4", timestamp=int(time.time())) | change
        sent = {name: value.encode("latin-1") for name, value in headers.items()}

        assert requests.post(url, data=b"{}", headers=sent, timeout=5).status_code == 401
        assert kept(tmp_path) == []

    def test_an_old_one_is_refused_however_well_signed(self, consumer: Start) -> None:
        headers = standard_headers(SECRET, b"{}", message_id="evt_e4", timestamp=int(time.time()) - 400)

        assert requests.post(consumer(SECRET), data=b"{}", headers=headers, timeout=5).status_code == 401


class TestPage:
    def test_it_is_as_short_as_the_page_says(self) -> None:
        lines = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.strip()]

        assert len(lines) <= 45
