"""What the sender did, in its own words: for each delivery id how often it was posted and how often answered 200."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace


@dataclass(slots=True)
class Entry:
    """One delivery id. Answered n times: n receipts must be kept; posted m times: at most m may be."""

    delivery_id: str
    event: str
    conversation: int | None
    message: int | None
    digest: str
    poison: str | None = None
    is_copy: bool = False
    posted: int = 0
    answered: int = 0
    wanted: int = 0


class Journal:
    """Filled by the sender's threads, read by the checker once they rest."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.refused: dict[str, int] = {}
        self._lock = threading.Lock()

    def wants(self, entry: Entry) -> None:
        """One more 200 is owed to this delivery id."""
        with self._lock:
            known = self.entries.setdefault(entry.delivery_id, entry)
            known.wanted += 1

    def posting(self, delivery_id: str) -> None:
        """From now on the other side may have it."""
        with self._lock:
            self.entries[delivery_id].posted += 1

    def heard(self, delivery_id: str, result: str) -> None:
        """The answer of one post: a status or the name of an error."""
        with self._lock:
            if result == "200":
                self.entries[delivery_id].answered += 1
            else:
                self.refused[result] = self.refused.get(result, 0) + 1

    def so_far(self) -> Journal:
        """A copy that does not change any more, for judging a system that never came to rest, too."""
        copied = Journal()
        with self._lock:
            copied.entries = {key: replace(entry) for key, entry in self.entries.items()}
            copied.refused = dict(self.refused)
        return copied

    @property
    def unanswered(self) -> int:
        """How many 200s are still owed."""
        with self._lock:
            return sum(entry.wanted - entry.answered for entry in self.entries.values())

    @property
    def events(self) -> int:
        """Webhooks that had to be answered, duplicates and copies included."""
        with self._lock:
            return sum(entry.wanted for entry in self.entries.values())


def digest(body: bytes) -> str:
    """Tells two bodies apart."""
    return hashlib.sha256(body).hexdigest()[:16]
