"""Looks at the ledger all the time while a run is under way: the difference must be 0 at every look."""

from __future__ import annotations

import sqlite3
import threading
import time

import psycopg

from tests.integration.chaos.books import Books

EVERY_SECONDS = 0.5


class Watch:
    """A thread of its own. A database that is away is no finding; a difference is."""

    def __init__(self, books: Books) -> None:
        self.looks, self.away, self.backlog = 0, 0, 0
        self.differences: list[tuple[float, int]] = []
        self._books = books
        self._ending = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look in hand."""
        self._ending.set()
        self._thread.join(30)

    def _run(self) -> None:
        pause = EVERY_SECONDS
        while not self._ending.wait(pause):
            began = time.monotonic()
            try:
                difference, self.backlog = self._books.balance()
            except (sqlite3.OperationalError, psycopg.Error):
                self.away += 1
                continue
            self.looks += 1
            if difference:
                self.differences.append((time.monotonic() - self._began, difference))
            pause = max(EVERY_SECONDS, 10 * (time.monotonic() - began))  # counting many rows must not be the load
