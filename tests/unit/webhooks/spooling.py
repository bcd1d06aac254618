"""What the tests of the spool share: an inbox that remembers and refuses, and a way to fill a spool."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from tests.unit.webhooks.world import a_receipt
from webhooks.spool import Spool, SpoolFailed
from worker.store.inbox import Receipt


class Inbox:
    """Remembers what was put back; refuses what it is told to."""

    def __init__(self, refuse: Sequence[str] = ()) -> None:
        self.receipts: list[Receipt] = []
        self.refuse = set(refuse)

    def __call__(self, receipts: Sequence[Receipt]) -> None:
        if self.refuse & {receipt.receipt_id for receipt in receipts}:
            raise ValueError("cannot store this")
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
