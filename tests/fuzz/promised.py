"""What was answered 200, and whether the inbox holds it: the one thing that must never be untrue."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from sqlalchemy import func, select

from tests.fuzz.counting import Count
from worker.store.database import Database
from worker.store.schema import deliveries, raw_requests


@dataclass
class Promised:
    """Hashes of bodies by receipt (None: whatever came), and the number of survey answers, which show no receipt."""

    bodies: dict[str, str | None] = field(default_factory=dict)
    survey_answers: int = 0

    def took(self, answer: bytes, body: bytes | None) -> str:
        """Note an answer with a receipt; returns what it said."""
        said = json.loads(answer)
        self.bodies[said["receipt"]] = None if body is None else hashlib.sha256(body).hexdigest()
        return str(said["status"])


def compare(db: Database, promised: Promised, count: Count, *, is_all: bool) -> None:
    """Every receipt lies in the inbox with its bytes; with `is_all` nothing else does."""
    rows = select(deliveries.c.receipt_id, deliveries.c.duplicate_of, raw_requests.c.body).outerjoin_from(
        deliveries, raw_requests, deliveries.c.id == raw_requests.c.delivery_id
    )
    with db.read() as conn:
        found = {row.receipt_id: row for row in conn.execute(rows)}
        answers = conn.execute(select(func.count()).where(deliveries.c.source == "survey")).scalar_one()
    for receipt, digest in promised.bodies.items():
        row = found.get(receipt)
        if row is None:
            count.fault("lost: answered 200 and not in the inbox", receipt.encode())
        elif digest is not None and row.duplicate_of is None and hashlib.sha256(row.body).hexdigest() != digest:
            count.fault("changed: the inbox holds other bytes", receipt.encode())
    told = len(promised.bodies) + promised.survey_answers
    if len(found) < told or (is_all and len(found) != told):
        count.fault(f"{len(found)} in the inbox, {told} answered 200", b"")
    if answers < promised.survey_answers or (is_all and answers != promised.survey_answers):
        count.fault(f"{answers} survey answers in the inbox, {promised.survey_answers} answered 200", b"")
