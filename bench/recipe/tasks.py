"""The worker: one task per webhook, one upsert of its ticket, acknowledged late."""

import json
from functools import cache
from typing import Any

import psycopg
from celery import Celery
from psycopg_pool import ConnectionPool
from settings import BROKER_URL, DATABASE_URL, THREADS

app = Celery("recipe", broker=BROKER_URL)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_pool_limit=THREADS,  # of the receiver: otherwise ten connections for sixteen threads
    broker_connection_retry_on_startup=True,
)

UPSERT = """
INSERT INTO tickets (external_id, status, priority, subject, requester, assignee, last_message, source_updated_at)
VALUES (%(external_id)s, %(status)s, %(priority)s, %(subject)s, %(requester)s, %(assignee)s, %(last_message)s, %(at)s)
ON CONFLICT (external_id) DO UPDATE SET
    status = excluded.status, priority = excluded.priority, requester = excluded.requester,
    assignee = excluded.assignee, last_message = coalesce(excluded.last_message, tickets.last_message),
    source_updated_at = excluded.source_updated_at, updated_at = clock_timestamp()
WHERE tickets.source_updated_at <= excluded.source_updated_at
"""


@cache
def pool() -> ConnectionPool:
    """One per process, opened after the fork."""
    return ConnectionPool(DATABASE_URL, min_size=1, max_size=2, open=True)


@app.task(autoretry_for=(psycopg.OperationalError,), retry_backoff=True, retry_jitter=True, max_retries=8)
def process(body: str) -> None:
    """Store what one webhook says about its ticket. Contacts and the like are of no interest here."""
    event = json.loads(body)
    row = ticket_of(event)
    if row is None:
        return
    with pool().connection() as conn:
        conn.execute(UPSERT, row)


def ticket_of(event: dict[str, Any]) -> dict[str, Any] | None:
    """The columns of the ticket that an event is about; None when it is about none."""
    is_message = event.get("event", "").startswith("message_")
    conversation = event.get("conversation") if is_message else event
    if not conversation or "status" not in conversation:
        return None
    meta = conversation.get("meta") or {}
    content = event.get("content") if is_message else None
    return {
        "external_id": f"{event['account']['id']}/{conversation['id']}",
        "status": conversation["status"],
        "priority": conversation.get("priority"),
        "subject": (content or "")[:200],
        "requester": (meta.get("sender") or {}).get("email"),
        "assignee": (meta.get("assignee") or {}).get("name"),
        "last_message": content,
        "at": conversation["updated_at"],
    }
