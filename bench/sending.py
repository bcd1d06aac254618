"""Runs the load generator in a process of its own, so that nothing else here slows it down."""

from __future__ import annotations

import gc
import multiprocessing
from multiprocessing.connection import Connection
from typing import Protocol

from bench.load import Load, Sample

MOST_PER_SECOND = 12_000  # requests made ready per second of a run; a faster server ends it early


class Receiver(Protocol):
    """Somebody to post to."""

    @property
    def url(self) -> str: ...

    def requests(self, first: int, count: int) -> list[bytes]: ...


class Sender:
    """Numbers requests from one counter, so that no conversation is sent twice in a run."""

    def __init__(self) -> None:
        self._next = 0

    def flat_out(self, to: Receiver, *, connections: int, seconds: float) -> Sample:
        """As fast as it answers."""
        _, made = self._requests(to, max(connections, int(MOST_PER_SECOND * seconds)))
        return _apart(Load(to.url, made, connections=connections, seconds=seconds))

    def paced(self, to: Receiver, *, connections: int, seconds: float, rate: float) -> Sample:
        """At a rate; `sent` has the numbers of the conversations."""
        first, made = self._requests(to, max(1, int(rate * seconds)))
        sample = _apart(Load(to.url, made, connections=connections, rate=rate))
        sample.sent = {first + number: at for number, at in sample.sent.items()}
        return sample

    def _requests(self, to: Receiver, count: int) -> tuple[int, list[bytes]]:
        first = self.numbers(count)
        return first, to.requests(first, count)

    def numbers(self, count: int) -> int:
        """The first of `count` numbers that nobody else gets."""
        first = self._next
        self._next += count
        return first


def _apart(load: Load) -> Sample:
    """In a forked process, which has the requests already."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(load, there), daemon=True)
    process.start()
    there.close()
    try:
        sample: Sample = here.recv()
    except EOFError as exc:
        raise SystemExit(f"no figures from the load generator for {load.url}: see above") from exc
    process.join()
    return sample


def _run(load: Load, there: Connection) -> None:
    gc.disable()  # a pause here would be taken for the server's
    there.send(load.run())
    there.close()
