"""One request's bytes as they come: kept up to the source's limit, hashed and verified to the end.

A body beyond the limit is still read, because only the whole of it can prove that it is authentic; what is held in
memory stays bounded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from webhooks.sources.base import Authentic, Check, Rejected, Source
from worker.config import Settings

HOPELESS_BYTES = 64 * 1024  # kept of a request that its headers alone condemn, for `hookdesk verify`


@dataclass(slots=True)
class Arrival:
    """A whole request: `body` is at most the source's limit, `size` what really came."""

    source: Source
    headers: Mapping[str, str]  # names in lower case
    token: str | None
    received_at: datetime
    body: bytes
    size: int
    sha256: str
    started: float  # monotonic
    check: Check | Rejected = field(repr=False)

    @property
    def is_truncated(self) -> bool:
        """True when more came than is kept."""
        return self.size > len(self.body)

    def authenticate(self, *, tolerance: timedelta) -> Authentic:
        """Who sent it and when. Raises Rejected."""
        if isinstance(self.check, Rejected):
            raise self.check
        return self.check.finish(now=self.received_at, tolerance=tolerance)


class Reading:
    """Takes one request's body chunk by chunk. `held` is what it keeps in memory."""

    def __init__(
        self, source: Source, headers: Mapping[str, str], token: str | None, settings: Settings, *, now: datetime
    ) -> None:
        self._source, self._headers, self._token, self._now = source, headers, token, now
        self._check: Check | Rejected
        try:
            self._check = source.open(headers, token, settings)
            self._keep = source.limit_bytes
        except Rejected as exc:
            self._check, self._keep = exc, min(HOPELESS_BYTES, source.limit_bytes)
        self._digest = hashlib.sha256()
        self._parts: list[bytes] = []
        self._started = time.monotonic()
        self.held = self._size = 0

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body."""
        self._size += len(chunk)
        if isinstance(self._check, Rejected):
            self._hold(chunk)
            return
        self._digest.update(chunk)
        self._check.update(chunk)
        self._hold(chunk)

    def done(self) -> Arrival:
        """The request, complete."""
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        return Arrival(
            source=self._source,
            headers=self._headers,
            token=self._token,
            received_at=self._now,
            body=body,
            size=self._size,
            sha256=self._digest.hexdigest(),
            started=self._started,
            check=self._check,
        )

    def _hold(self, chunk: bytes) -> None:
        room = self._keep - self.held
        if room > 0:
            part = chunk if len(chunk) <= room else chunk[:room]
            self._parts.append(part)
            self.held += len(part)
