"""Two receivers, three workers and two schedulers, each on a machine of its own, and traffic for them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.integration.machines.network import Machine
from tests.integration.system import SECRET, System
from tests.integration.test_crash_loses_nothing import conversation
from tests.integration.valkey import Broker
from webhooks import spool
from worker.signing import chatwoot_headers

PARTS = ("web-1", "web-2", "worker-1", "worker-2", "worker-3", "scheduler-1", "scheduler-2")
PAUSE_SECONDS = 0.05  # between two webhooks
PORT = 8080


class Fleet(System):
    """A system whose parts run on machines: each in its own namespace, with its own address and data folder."""

    def __init__(
        self, root: Path, machines: list[Machine], *, database_url: str, broker: Broker, settings: Mapping[str, str]
    ) -> None:
        self.machines = dict(zip(PARTS, machines, strict=True))
        super().__init__(root, database_url=database_url, broker=broker, settings=settings)
        self._servers = [urlsplit(url).port or 0 for url in (database_url, broker.url)]

    def start_all(self) -> None:
        """One after the other, each with what differs from machine to machine."""
        self.start("broker")
        for name, machine in self.machines.items():
            self.url = self.url_of(name)  # what readiness is asked of
            data = self.data_of(name)
            data.mkdir(exist_ok=True)
            self.start(
                name, HOOKDESK_HOST=machine.address, HOOKDESK_PORT=str(PORT), HOOKDESK_DATA_DIR=str(data)
            )  # fmt: skip

    def cut_off(self, name: str) -> None:
        """This part from database and broker; whoever sends webhooks still reaches it."""
        self.machines[name].cut_off(*self._servers)

    def heal(self, name: str) -> None:
        """Let it have both again."""
        self.machines[name].heal()

    def url_of(self, name: str) -> str:
        """Where a receiver listens."""
        return f"http://{self.machines[name].address}:{PORT}"

    def data_of(self, name: str) -> Path:
        """The data folder of one machine."""
        return self.root / f"data-{name}"

    def spooled(self, name: str) -> int:
        """Requests that lie in the spool of a receiver."""
        return spool.count(spool.directory_of(self.data_of(name)))

    def at_rest(self) -> bool:
        """Nothing under way, and no spool on any machine holds anything."""
        return super().at_rest() and not any(self.spooled(name) for name in self.machines)

    def _command(self, name: str) -> list[str]:
        return [*self.machines[name].prefix, *super()._command(name)]


@dataclass
class Traffic:
    """Signed webhooks to both receivers by turns; every fifth goes to the other one again, under the same id."""

    fleet: Fleet
    answered: list[tuple[str, str, int]] = field(default_factory=list)  # receiver, delivery id, conversation
    unanswered: list[str] = field(default_factory=list)
    slowest: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the one in hand."""
        self._stopping.set()
        self._thread.join(10)

    def of(self, receiver: str) -> int:
        """How many this receiver has answered with 200."""
        return sum(name == receiver for name, _, _ in self.answered)

    @property
    def conversations(self) -> set[int]:
        """What must be a ticket each."""
        return {number for _, _, number in self.answered}

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(PAUSE_SECONDS):
            number += 1
            delivery_id = str(uuid.uuid4())
            receivers = ("web-1", "web-2") if number % 2 else ("web-2", "web-1")
            for receiver in receivers if number % 5 == 0 else receivers[:1]:
                self._send(receiver, delivery_id, 100_000 + number)

    def _send(self, receiver: str, delivery_id: str, number: int) -> None:
        raw = json.dumps(conversation(number), separators=(",", ":")).encode()
        headers = chatwoot_headers(SECRET, raw, timestamp=int(time.time()), delivery_id=delivery_id)
        began = time.monotonic()
        try:
            answer = requests.post(
                f"{self.fleet.url_of(receiver)}/webhooks/chatwoot", data=raw, headers=headers, timeout=5
            )  # fmt: skip
            answer.raise_for_status()
        except requests.RequestException as exc:
            self.unanswered.append(f"{receiver}: {type(exc).__name__}")
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answered.append((receiver, delivery_id, number))
