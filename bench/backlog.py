"""A backlog: deliveries that are accepted and not processed, put into the inbox as the receiver would, and drained."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis
from sqlalchemy import func, select

from bench.hookdesk import PATH, Hookdesk, hire
from bench.recipes import Recipe
from bench.traffic import chunks
from webhooks import receipts, spool
from webhooks.sources import registry
from worker.store import inbox
from worker.store.claims import PROCESSING
from worker.store.database import Database
from worker.store.inbox import Receipt
from worker.store.schema import deliveries, events, facts, tickets, timers
from worker.store.waking import WAITING

GROUP = 250
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Drained:
    """Seconds since the start of the processes until the first and the last was done, and the rate of the last part.

    While the first quarter is processed, other processes are still starting; they would count against the rate.
    """

    count: int
    first: float
    last: float
    rate: float


def accept(db: Database, bodies: Iterable[bytes]) -> int:
    """Put them into the inbox, each under a delivery id of its own; returns how many."""
    count = 0
    for group in chunks(bodies, GROUP):
        inbox.accept(db, [_receipt(body) for body in group])
        count += len(group)
    return count


def _receipt(body: bytes) -> Receipt:
    found = registry.match(PATH)
    if found is None:
        raise SystemExit(f"no source at {PATH}")
    source, now, delivery_id = found[0], datetime.now(UTC), str(uuid.uuid4())
    headers = {"content-type": "application/json", "x-chatwoot-delivery": delivery_id}
    return Receipt(
        receipt_id=str(uuid.uuid4()),
        source=source.name,
        endpoint=source.endpoint,
        delivery_id=delivery_id,
        dedupe_key=receipts.key(source, delivery_id, hashlib.sha256(body).hexdigest()),
        headers=headers,
        body=body,
        received_at=now,
        sent_at=now,
    )


def drain_hookdesk(desk: Hookdesk, bodies: Iterable[bytes]) -> Drained:
    """Accept, then start everything and wait until nothing is left. Stops it again."""
    db = desk.database()
    try:
        hire(db)
        before = _newest(db)
        count = accept(db, bodies)
        began = time.time()
        desk.start_all(wait=False)
        wait_until_idle(db, desk.settings().data_dir)
        return _drained(db, before, count, began)
    finally:
        desk.stop()
        db.dispose()


def wait_until_idle(db: Database, data_dir: Path) -> None:
    """Return once nothing lies in the spool and every delivery has an outcome."""
    until = time.monotonic() + PATIENCE_SECONDS
    while spool.outstanding(spool.directory_of(data_dir)) or _is_busy(db):
        if time.monotonic() > until:
            raise SystemExit(f"deliveries are still waiting after {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)


def drain_recipe(recipe: Recipe, bodies: Iterable[bytes]) -> Drained:
    """The same. Valkey is restarted before, so that it has to load what it holds, as after a restart of everything."""
    recipe.start_broker()
    recipe.enqueue(bodies)
    count = recipe.waiting()
    recipe.stop()
    began = time.time()
    recipe.start_broker()
    recipe.start_worker()
    recipe.start_receiver()
    try:
        seen = watch(recipe)
    finally:
        recipe.stop()
    with psycopg.connect(recipe.database_url) as conn:
        query = "SELECT extract(epoch FROM min(created_at)), extract(epoch FROM max(updated_at)) FROM tickets"
        found = conn.execute(f"{query} WHERE updated_at >= to_timestamp(%s)", [began]).fetchone()
    first, last = (float(at) for at in found or (began, began))
    return Drained(count, first - began, last - began, rate([(at, count - waiting) for at, waiting in seen]))


def watch(recipe: Recipe) -> list[tuple[float, int]]:
    """Return once no task waits and none is under way: how many there were, ten times a second."""
    seen: list[tuple[float, int]] = []
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(redis.RedisError):  # it loads its file
            seen.append((time.time(), recipe.waiting()))
            if seen[-1][1] == 0:
                return seen
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"tasks are still waiting after {PATIENCE_SECONDS:g} s")


def rate(done: Sequence[tuple[float, int]]) -> float:
    """Per second, of (when, how many were done by then), from a quarter of them to all."""
    at, all_done = done[-1]
    since, before = next(((when, n) for when, n in done if n >= all_done / 4), done[0])
    return (all_done - before) / (at - since) if at > since else 0.0


def rows(db: Database) -> dict[str, int]:
    """How many of what has been stored."""
    with db.read() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tickets, facts, events, timers)
        }


def _is_busy(db: Database) -> bool:
    with db.read() as conn:
        return any(
            conn.execute(select(deliveries.c.id).where(state).limit(1)).first() is not None
            for state in (WAITING, PROCESSING)
        )


def _newest(db: Database) -> int:
    with db.read() as conn:
        newest: int = conn.execute(select(func.coalesce(func.max(deliveries.c.id), 0))).scalar_one()
    return newest


def _drained(db: Database, before: int, count: int, began: float) -> Drained:
    query = select(deliveries.c.done_at, func.count()).where(deliveries.c.id > before).group_by(deliveries.c.done_at)
    with db.read() as conn:
        batches = sorted((at.timestamp(), n) for at, n in conn.execute(query))
    done = list(itertools.accumulate(batches, lambda sum_, batch: (batch[0], sum_[1] + batch[1])))
    return Drained(count, done[0][0] - began, done[-1][0] - began, rate(done))
