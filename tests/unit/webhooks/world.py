"""The door with a store that can be made to fail, hang or be slow."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.unit.webhooks.senders import NOW, Sent
from webhooks import readiness
from webhooks.accept import Acceptor
from webhooks.app import create_app
from webhooks.deps import Deps
from webhooks.drainer import Drainer
from webhooks.health import StoreHealth
from webhooks.refusals import RejectKeeper
from webhooks.spool import Spool, directory_of
from worker.clock import ManualClock
from worker.config import Settings
from worker.store import inbox, rejects
from worker.store.database import Database
from worker.store.inbox import Accepted, Receipt
from worker.store.schema import deliveries, raw_requests


class Commits:
    """The real inbox behind switches: `failures` are raised in order, `gate` is waited for, `groups` is what came."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.groups: list[list[str]] = []
        self.failures: list[Exception] = []
        self.refuse_ids: set[str] = set()
        self.is_away = False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, receipts: Sequence[Receipt]) -> list[Accepted]:
        self.groups.append([receipt.receipt_id for receipt in receipts])
        self.entered.set()
        self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.ask()
        if self.refuse_ids & {receipt.receipt_id for receipt in receipts}:
            raise ValueError("a row the store cannot take")
        return inbox.accept(self._db, receipts)

    def ask(self) -> None:
        """The probe."""
        if self.is_away:
            raise ConnectionLost


class World:
    """A door whose threads run only if `is_live`; without, a test calls the rounds itself."""

    def __init__(self, settings: Settings, db: Database, commits: Commits, clock: ManualClock, *,
                 wait_seconds: float = 5.0, spool_max_bytes: int = 1 << 20, in_flight_bytes: int = 64 << 20,
                 **changes: Any) -> None:  # fmt: skip
        self.settings = replace(settings, **changes)
        self.db, self.commits, self.clock = db, commits, clock
        self.woken: list[list[int]] = []
        self.health = StoreHealth(commits.ask)
        self.spool = Spool(directory_of(settings.data_dir), max_bytes=spool_max_bytes)
        self.spool.open()
        self.acceptor = Acceptor(commits, self.spool, wake=self.woken.append, health=self.health,
                                 wait_seconds=wait_seconds, in_flight_bytes=in_flight_bytes)  # fmt: skip
        self.acceptor.start()
        self.keeper = RejectKeeper(lambda batch: rejects.keep(db, batch))
        self.drainer = Drainer(self.spool, commits, wake=self.woken.append, health=self.health)
        self.deps = Deps(self.acceptor, self.keeper, lambda: readiness.judge(self.health, self.spool), clock)
        self.app = create_app(self.settings, self.deps)
        self.client = self.app.test_client(use_cookies=False)

    def close(self) -> None:
        self.commits.gate.set()
        self.acceptor.close()
        self.spool.close()

    def post(self, sent: Sent) -> TestResponse:
        return self.client.post(sent.path, data=sent.body, headers=dict(sent.headers))

    def rows(self) -> list[Any]:
        """The inbox, oldest first."""
        with self.db.read() as conn:
            return list(conn.execute(select(deliveries).order_by(deliveries.c.id)))

    def raw(self, row: Any) -> Any:
        """The stored bytes and headers of a delivery."""
        with self.db.read() as conn:
            return conn.execute(select(raw_requests).where(raw_requests.c.delivery_id == row.id)).one()


def _connection_lost() -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("BEGIN", None, ConnectionError("server closed the connection"))


ConnectionLost = _connection_lost()


def a_receipt(number: int = 1, **given: Any) -> Receipt:
    """A receipt like the door makes them."""
    defaults: dict[str, Any] = {
        "receipt_id": f"receipt-{number}",
        "source": "chatwoot",
        "endpoint": "account",
        "delivery_id": f"delivery-{number}",
        "dedupe_key": f"chatwoot:account:delivery-{number}:abc",
        "headers": {"content-type": "application/json"},
        "body": b'{"n":%d}' % number,
        "received_at": NOW,
        "sent_at": NOW,
    }
    return Receipt(**{**defaults, **given})


def in_threads(*calls: Any) -> list[Any]:
    """Run them at once; results in order, exceptions as values."""
    results: list[Any] = [None] * len(calls)

    def run(n: int) -> None:
        try:
            results[n] = calls[n]()
        except Exception as exc:  # a test looks at it
            results[n] = exc

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def wait_until(condition: Any, within: float = 10.0) -> None:
    """For what another thread does; fails after `within` seconds."""
    import time

    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        threading.Event().wait(0.002)
