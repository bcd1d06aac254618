"""Accepting on PostgreSQL: rows, raw requests and their count by one statement, so that a commit is one round trip.

Every round trip costs the committing thread its turn in a busy process, which is worth more than the server's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from worker.store import json_text, storable
from worker.store.database import keeps_time, time_of

if TYPE_CHECKING:
    from worker.store.inbox import Receipt

_STORE = """
WITH given AS (
  SELECT * FROM unnest(
    %(receipt_id)s::text[], %(source)s::text[], %(endpoint)s::text[], %(delivery_id)s::text[], %(dedupe_key)s::text[],
    %(dead_cause)s::text[], %(received_at)s::timestamptz[], %(sent_at)s::timestamptz[],
    %(headers)s::text[], %(body)s::bytea[], %(truncated)s::boolean[]
  ) AS given(receipt_id, source, endpoint, delivery_id, dedupe_key, dead_cause, received_at, sent_at,
             headers, body, truncated)
), stored AS (
  INSERT INTO deliveries (receipt_id, source, endpoint, delivery_id, dedupe_key, size, state, cause,
                          next_at, wake_at, received_at, sent_at, done_at)
  SELECT receipt_id, source, endpoint, delivery_id, dedupe_key, length(body),
         CASE WHEN dead_cause IS NULL THEN 'pending' ELSE 'dead' END, dead_cause,
         at, at + %(grace)s, received_at, sent_at, CASE WHEN dead_cause IS NOT NULL THEN at END
  FROM given, (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at) AS clock
  ON CONFLICT DO NOTHING
  RETURNING id, receipt_id, source
), raw AS (
  INSERT INTO raw_requests (delivery_id, headers, body, truncated)
  SELECT id, headers, body, truncated FROM stored JOIN given USING (receipt_id)
), counted AS (
  INSERT INTO receipt_counts (kind, source, n) SELECT %(kind)s, source, count(*) FROM stored GROUP BY source
)
SELECT id, receipt_id FROM stored
"""


def insert_firsts(
    conn: Connection, firsts: Mapping[str, Receipt], *, kind: str, grace: timedelta
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Store receipts, given by their keys, and count them; returns id and receipt id of those that were new."""
    now: datetime | None = None if keeps_time(conn) else time_of(conn)
    receipts = firsts.values()
    given = {
        "receipt_id": [one.receipt_id for one in receipts],
        "source": [storable.text(one.source, 40) for one in receipts],
        "endpoint": [storable.text(one.endpoint, 40) for one in receipts],
        "delivery_id": [None if one.delivery_id is None else storable.key(one.delivery_id, 200) for one in receipts],
        "dedupe_key": list(firsts),
        "dead_cause": [storable.optional_text(one.dead_cause, 40) for one in receipts],
        "received_at": [one.received_at for one in receipts],
        "sent_at": [one.sent_at for one in receipts],
        "headers": [json_text.dump(one.headers) for one in receipts],
        "body": [one.body for one in receipts],
        "truncated": [one.truncated for one in receipts],
    }
    return conn.exec_driver_sql(_STORE, {**given, "grace": grace, "kind": kind, "now": now}).all()
