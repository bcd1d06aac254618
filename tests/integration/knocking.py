"""A real receiver at a port, alone or behind the nginx that is shipped, or a ticket API, and raw requests to it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from tests.fuzz.counting import TEST_SECONDS
from tests.fuzz.raw_http import Gone, Reply, head, length_of, signed, wire
from tests.integration.system import API_TOKEN, SECRET, System
from worker.domain.facts import Message
from worker.store.schema import deliveries, raw_requests, tickets
from worker.store.ticket_reads import facts_of

PATH = b"/webhooks/chatwoot"
NEVER = "never-to-be-kept"  # the delivery id or idempotency key of what must not come through
PROTOCOL = {501, 505}  # nginx of a transfer coding or a version that nobody speaks

# Instead of the receiver's two doors: these, each with a system of its own.
every_door = pytest.mark.parametrize("door", ["alone", "behind nginx", "ticket API"], indirect=True)
bare_door = pytest.mark.parametrize("door", ["alone", "ticket API"], indirect=True)


@dataclass
class Door:
    """A receiver at a port; `is_behind_nginx` when that is nginx's. `good` is what a genuine request is answered."""

    system: System
    port: int
    is_behind_nginx: bool = False
    path = PATH
    good = 200

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.port}"

    def body(self, said: bytes) -> bytes:
        """One that is taken here, and says this."""
        return said

    def fields(self, body: bytes, *, delivery_id: str | None = None) -> list[tuple[bytes, bytes]]:
        """The headers by which the body is genuine, without its frame."""
        return signed(SECRET, body, delivery_id=delivery_id)

    def plain(self, body: bytes, *more: tuple[bytes, bytes], delivery_id: str | None = None) -> tuple[bytes, bytes]:
        """A genuine request with its length."""
        fields = [*self.fields(body, delivery_id=delivery_id), length_of(body), *more]
        return head(b"POST", self.path, fields), body

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
        assert self.ask(*self.plain(self.body(b"afterwards"))).status == self.good
        assert not self.has_kept(NEVER)


class ApiDoor(Door):
    """A ticket API, asked to open tickets by somebody with a valid token."""

    path = b"/api/tickets"
    good = 201

    def body(self, said: bytes) -> bytes:
        """A ticket with this description."""
        return json.dumps({"requester": {"name": "Lena"}, "description": said.decode()}).encode()

    def fields(self, body: bytes, *, delivery_id: str | None = None) -> list[tuple[bytes, bytes]]:
        """The delivery id becomes the idempotency key."""
        key = [(b"Idempotency-Key", delivery_id.encode())] if delivery_id is not None else []
        allowed = (b"Authorization", b"Bearer " + API_TOKEN.encode())
        return [(b"Host", b"hookdesk"), allowed, (b"Content-Type", b"application/json"), *key]

    def kept(self, reply: Reply) -> bytes:
        """The body that says what the ticket says."""
        stored = facts_of(self.system.db, json.loads(reply.body)["id"])
        (said,) = (one.fact.text for one in stored if isinstance(one.fact, Message))
        return self.body(said.encode())

    def has_kept(self, delivery_id: str) -> bool:
        """Whether there is a ticket by this key."""
        with self.system.db.read() as conn:
            return conn.execute(select(tickets.c.id).where(tickets.c.external_id == delivery_id)).first() is not None
