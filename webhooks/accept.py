"""Group commit: many requests share one transaction, one fsync and one wake-up; when the store is away, the spool.

A receipt is handed to the committing thread; whoever waits for it, a thread or an event loop, is told once. Without an
answer of the store within 400 ms the receipt goes to the spool, even if the commit may still succeed: the inbox knows
receipts by their id and counts each once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from webhooks import trouble
from webhooks.batcher import Batcher, Baton
from webhooks.health import StoreHealth
from webhooks.spool import Spool
from webhooks.trouble import Trouble
from worker import log
from worker.errors import DependencyDown
from worker.failpoints import reach
from worker.store.inbox import Accepted, Receipt

WAIT_SECONDS = 0.4  # for the store
LOOKS_PER_WAIT = 4  # how often it is looked who has waited that long
ANSWER_SECONDS = 2.5  # the hard stop: Chatwoot gives up at 5 s
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


Told = Callable[[Kept | Overloaded], None]


class _Pending:
    """A receipt on its way: the store, the spool and whoever is impatient settle between them who answers for it."""

    __slots__ = ("_turn", "receipt", "since", "told", "weight")

    def __init__(self, receipt: Receipt, told: Told) -> None:
        self.receipt, self.told = receipt, told
        self.weight = len(receipt.body) + _OVERHEAD_BYTES
        self.since = time.monotonic()
        self._turn = threading.Lock()

    def take(self) -> bool:
        """True for the first who asks, who answers for it from then on."""
        return self._turn.acquire(blocking=False)

    @property
    def is_taken(self) -> bool:
        return self._turn.locked()


class Acceptor:
    """Makes receipts durable, by threads of its own; `submit` and `accept` may be called from anywhere."""

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
        self._waiting: deque[_Pending] = deque()
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._watch_store, name="patience", daemon=True)
        self._batcher: Batcher[_Pending] = Batcher(
            self._commit_or_halve, name="committer", weigh=lambda pending: pending.weight, idle=health.probe
        )

    def start(self) -> None:
        """Start the committing thread, which also probes the store, and the one that looks who waits too long."""
        self._batcher.start()
        self._watch.start()

    def close(self) -> None:
        """Commit what was handed in."""
        self._batcher.close()
        self._closing.set()
        if self._watch.ident is not None:
            self._watch.join()

    def accept(self, receipt: Receipt) -> Kept:
        """Durable when it returns. Raises Overloaded."""
        baton, outcomes = Baton(), list[Kept | Overloaded]()

        def told(outcome: Kept | Overloaded) -> None:
            outcomes.append(outcome)
            baton.give()

        self.submit(receipt, told)
        if not baton.wait(self._wait_seconds + ANSWER_SECONDS):
            raise Overloaded("neither the store nor the spool's disk answers")
        (outcome,) = outcomes
        if isinstance(outcome, Overloaded):
            raise outcome
        return outcome

    def submit(self, receipt: Receipt, told: Told) -> None:
        """Returns at once; `told` is called once, by any thread, when the receipt is durable or cannot be made so."""
        pending = _Pending(receipt, told)
        with self._guard:
            has_room = not self._in_flight or self._in_flight + pending.weight <= self._room
            if has_room:
                self._in_flight += pending.weight
        if not has_room:
            told(Overloaded("too many bytes in flight"))
        elif self._health.is_up:
            self._waiting.append(pending)
            self._batcher.put(pending)
        else:
            self._to_spool(pending)

    def _settle(self, pending: _Pending, outcome: Kept | Overloaded) -> None:
        with self._guard:
            self._in_flight -= pending.weight
        pending.told(outcome)

    def _to_spool(self, pending: _Pending) -> None:
        """For whoever has taken it."""
        self._spool.put(pending.receipt, partial(self._spooled, pending))

    def _spooled(self, pending: _Pending, error: str | None) -> None:
        self._settle(pending, Kept() if error is None else Overloaded(error))

    def _watch_store(self) -> None:
        while not self._closing.wait(self._wait_seconds / LOOKS_PER_WAIT):
            self._give_up_overdue(time.monotonic() - self._wait_seconds)

    def _give_up_overdue(self, since: float) -> None:
        """Who was handed in before `since` has waited long enough. They stand in the order of their coming."""
        waiting = self._waiting
        while waiting and (waiting[0].is_taken or waiting[0].since <= since):
            pending = waiting.popleft()
            if pending.take():
                self._health.lost("no answer in time")
                self._to_spool(pending)

    def _commit_or_halve(self, group: list[_Pending], *, tries: int = _AGAIN) -> None:
        """On return somebody answers for each of the group. Who was given up meanwhile is not committed any more."""
        group = [pending for pending in group if not pending.is_taken]
        if not group:
            return
        reach("accept.before_commit")
        receipts = [pending.receipt for pending in group]
        try:
            with self._health.busy():
                accepted = self._store(receipts)
        except Exception as exc:  # nothing the store can raise may keep a request from the spool
            self._failed(group, exc, tries)
            return
        reach("accept.after_commit")
        self._health.back()
        for pending, answer in zip(group, accepted, strict=True):
            if pending.take():
                self._settle(pending, Kept(answer.id, answer.duplicate_of is not None))
        wake_firsts(self._wake, receipts, accepted)
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
                if pending.take():
                    self._to_spool(pending)


def wake_firsts(wake: Wake, receipts: Sequence[Receipt], accepted: Sequence[Accepted]) -> None:
    """One wake-up for those that have to be processed: neither duplicates nor dead on arrival."""
    ids = [
        answer.id
        for receipt, answer in zip(receipts, accepted, strict=True)
        if answer.duplicate_of is None and receipt.dead_cause is None
    ]
    if ids:
        wake(ids)
