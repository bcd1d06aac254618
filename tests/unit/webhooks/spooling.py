"""What the tests of the spool share: an inbox that remembers and refuses, and a way to fill a spool."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import OperationalError

from tests.unit.webhooks.world import a_receipt
from webhooks.spool import Spool, SpoolFailed
from worker.store.inbox import Receipt


class TooSlow(Exception):
    """What PostgreSQL says when its time limit is over."""

    sqlstate = "57014"


class Inbox:
    """Remembers what was put back; refuses what it is told to, or is too slow for it."""

    def __init__(self, refuse: Sequence[str] = (), slow: Sequence[str] = ()) -> None:
        self.receipts: list[Receipt] = []
        self.refuse, self.slow = set(refuse), set(slow)

    def __call__(self, receipts: Sequence[Receipt]) -> None:
        ids = {receipt.receipt_id for receipt in receipts}
        if self.refuse & ids:
            raise ValueError("cannot store this")
        if self.slow & ids:
            raise OperationalError("INSERT", None, TooSlow("canceling statement due to statement timeout"))
        self.receipts += receipts


def keep(spool: Spool, receipt: Receipt) -> None:
    """On disk when it returns. Raises SpoolFailed."""
    errors: list[str | None] = []
    told = threading.Event()
    spool.put(receipt, lambda error: (errors.append(error), told.set())[0])
    assert told.wait(5)
    if errors != [None]:
        raise SpoolFailed(errors[0])


def fill(spool: Spool, *numbers: int) -> list[Receipt]:
    receipts = [a_receipt(n) for n in numbers]
    for receipt in receipts:
        keep(spool, receipt)
    return receipts


def only_file(spool: Spool) -> Path:
    (path,) = spool.directory.glob("*.spool")
    return path
