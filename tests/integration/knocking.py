"""A real receiver at a port, alone or behind the nginx that is shipped, and raw requests to it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from sqlalchemy import select

from tests.fuzz.counting import TEST_SECONDS
from tests.fuzz.raw_http import Gone, Reply, head, length_of, signed, wire
from tests.integration.system import SECRET, System
from worker.store.schema import deliveries, raw_requests

PATH = b"/webhooks/chatwoot"
NEVER = "never-to-be-kept"  # the delivery id of what must not come through
PROTOCOL = {501, 505}  # nginx of a transfer coding or a version that nobody speaks


@dataclass
class Door:
    """A receiver at a port; `is_behind_nginx` when that is nginx's."""

    system: System
    port: int
    is_behind_nginx: bool

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, *parts: bytes) -> Reply:
        """On a connection of its own, answered in time."""
        with wire(self.port) as opened:
            began = time.monotonic()
            opened.send(*parts)
            reply = opened.reply()
            assert time.monotonic() - began < TEST_SECONDS
            return reply

    def kept(self, reply: Reply) -> bytes:
        """The bytes that lie in the inbox under this answer's receipt."""
        receipt = json.loads(reply.body)["receipt"]
        joined = select(raw_requests.c.body).join(deliveries, deliveries.c.id == raw_requests.c.delivery_id)
        with self.system.db.read() as conn:
            body: bytes = conn.execute(joined.where(deliveries.c.receipt_id == receipt)).scalar_one()
        return body

    def has_kept(self, delivery_id: str) -> bool:
        """Whether a request with this id lies in the inbox."""
        with self.system.db.read() as conn:
            return (
                conn.execute(select(deliveries.c.id).where(deliveries.c.delivery_id == delivery_id)).first() is not None
            )

    def refuses(self, *parts: bytes) -> None:
        """Answers 4xx in time or ends the connection, keeps nothing of it, and goes on answering others."""
        try:
            status = self.ask(*parts).status
        except Gone:
            status = 400
        assert 400 <= status < 500 or (self.is_behind_nginx and status in PROTOCOL)
        assert self.ask(*plain(b"afterwards")).status == 200
        assert not self.has_kept(NEVER)


def plain(body: bytes, *more: tuple[bytes, bytes], delivery_id: str | None = None) -> tuple[bytes, bytes]:
    """A signed request with its length."""
    return head(b"POST", PATH, [*signed(SECRET, body, delivery_id=delivery_id), length_of(body), *more]), body
