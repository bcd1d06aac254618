"""Group commit: many requests share one transaction, one fsync and one wake-up; when the store is away, the spool.

A request hands its receipt to the committing thread and waits at most 400 ms. Without an answer by then it goes to the
spool, even if the commit may still succeed: the inbox knows receipts by their id and counts each once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webhooks import trouble
from webhooks.batcher import Batcher, Baton
from webhooks.health import StoreHealth
from webhooks.spool import Spool, SpoolFailed
from webhooks.trouble import Trouble
from worker import log
from worker.errors import DependencyDown
from worker.failpoints import reach
from worker.store.inbox import Accepted, Receipt

WAIT_SECONDS = 0.4  # for the store
SPOOL_SECONDS = 1.6  # for the spool's disk; together below the hard stop of 2.5 s
IN_FLIGHT_BYTES = 64 << 20
RETRY_AFTER_SECONDS = 5
_OVERHEAD_BYTES = 2048  # of a receipt beside its body
_AGAIN = 3

logger = log.get(__name__)

Commit = Callable[[Sequence[Receipt]], list[Accepted]]
Wake = Callable[[list[int]], None]


class Overloaded(DependencyDown):
    """Neither committed nor spooled: the sender has to come again."""

    retry_after_seconds = RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Kept:
    """Durable: in the inbox under `delivery`, or in the spool (`delivery` is None)."""

    delivery: int | None = None
    is_duplicate: bool = False


class _Pending:
    __slots__ = ("accepted", "baton", "is_abandoned", "receipt")

    def __init__(self, receipt: Receipt) -> None:
        self.receipt, self.baton = receipt, Baton()
        self.accepted: Accepted | None = None
        self.is_abandoned = False

    @property
    def weight(self) -> int:
        return len(self.receipt.body) + _OVERHEAD_BYTES


class Acceptor:
    """`accept` is called by many threads and returns when the receipt is durable."""

    def __init__(
        self,
        commit: Commit,
        spool: Spool,
        *,
        wake: Wake,
        health: StoreHealth,
        wait_seconds: float = WAIT_SECONDS,
        in_flight_bytes: int = IN_FLIGHT_BYTES,
    ) -> None:
        self._store, self._spool, self._wake, self._health = commit, spool, wake, health
        self._wait_seconds, self._room = wait_seconds, in_flight_bytes
        self._in_flight = 0
        self._guard = threading.Lock()
        self._batcher: Batcher[_Pending] = Batcher(
            self._commit, name="committer", weigh=lambda pending: pending.weight, idle=health.probe
        )

    def start(self) -> None:
        """Start the committing thread; it also probes the store."""
        self._batcher.start()

    def close(self) -> None:
        """Commit what was handed in."""
        self._batcher.close()

    def accept(self, receipt: Receipt) -> Kept:
        """Durable when it returns. Raises Overloaded."""
        weight = len(receipt.body) + _OVERHEAD_BYTES
        with self._guard:
            if self._in_flight and self._in_flight + weight > self._room:
                raise Overloaded("too many bytes in flight")
            self._in_flight += weight
        try:
            return self._through_store(receipt) or self._through_spool(receipt)
        finally:
            with self._guard:
                self._in_flight -= weight

    def _through_store(self, receipt: Receipt) -> Kept | None:
        if not self._health.is_up:
            return None
        pending = _Pending(receipt)
        self._batcher.put(pending)
        if not pending.baton.wait(self._wait_seconds):
            pending.is_abandoned = True
            self._health.lost("no answer in time")
            return None
        if pending.accepted is None:
            return None
        return Kept(pending.accepted.id, pending.accepted.duplicate_of is not None)

    def _through_spool(self, receipt: Receipt) -> Kept:
        try:
            self._spool.append(receipt, timeout=SPOOL_SECONDS)
        except SpoolFailed as exc:
            raise Overloaded(str(exc)) from exc
        return Kept()

    def _commit(self, group: list[_Pending]) -> None:
        live = [pending for pending in group if not pending.is_abandoned]
        if live:
            self._commit_or_halve(live)

    def _commit_or_halve(self, group: list[_Pending], *, tries: int = _AGAIN) -> None:
        """On return everybody in the group has been told."""
        reach("accept.before_commit")
        try:
            with self._health.busy():
                accepted = self._store([pending.receipt for pending in group])
        except Exception as exc:  # nothing the store can raise may keep a request from the spool
            self._failed(group, exc, tries)
            return
        reach("accept.after_commit")
        self._health.back()
        for pending, answer in zip(group, accepted, strict=True):
            pending.accepted = answer
            pending.baton.give()
        wake_firsts(self._wake, [pending.receipt for pending in group], accepted)
        reach("accept.after_wake")

    def _failed(self, group: list[_Pending], exc: Exception, tries: int) -> None:
        kind = trouble.of(exc)
        if kind is Trouble.AGAIN and tries > 1:
            self._commit_or_halve(group, tries=tries - 1)
        elif kind is Trouble.RECORD and len(group) > 1:
            middle = len(group) // 2
            self._commit_or_halve(group[:middle])
            self._commit_or_halve(group[middle:])
        else:
            if kind is Trouble.RECORD:
                logger.error("receipt_refused_by_store", receipt=group[0].receipt.receipt_id, error=type(exc).__name__)
            else:
                self._health.lost(type(exc).__name__)
            for pending in group:
                pending.baton.give()


def wake_firsts(wake: Wake, receipts: Sequence[Receipt], accepted: Sequence[Accepted]) -> None:
    """One wake-up for those that have to be processed: neither duplicates nor dead on arrival."""
    ids = [
        answer.id
        for receipt, answer in zip(receipts, accepted, strict=True)
        if answer.duplicate_of is None and receipt.dead_cause is None
    ]
    if ids:
        wake(ids)
