"""`hookdesk sign --scheme event`: an outgoing event as a target would get it."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import click

from worker.cli.event_secrets import secrets_for, target_named, targets_of

if TYPE_CHECKING:
    from worker.clients.exchange import Answer
    from worker.config import Settings
    from worker.domain.policy import Target


def chosen(settings: Settings, name: str | None) -> Target | None:
    """The named target, else the only one there is."""
    targets = targets_of(settings)
    if name is not None:
        return target_named(targets, name)
    return targets[0] if len(targets) == 1 else None


def headers_for(settings: Settings, target: Target | None, body: bytes, secret_file: str | None) -> dict[str, str]:
    """Signed now, by every secret that signs for the target. Raises a usage error for a secret that is none."""
    from worker.signing import standard_headers

    secrets = secrets_for(settings, target.name if target else None, secret_file)
    try:
        signed = standard_headers(secrets, body, message_id=trial_id(), timestamp=int(time.time()))
    except ValueError as exc:
        raise click.UsageError("The secret is not whsec_ and base64.") from exc
    return {"Content-Type": "application/json", **signed}


def trial_id() -> str:
    """An id that no event has."""
    return f"evt_test_{uuid.uuid4().hex[:12]}"


def example() -> bytes:
    """A ticket.resolved, shaped as the real ones."""
    from datetime import UTC, datetime

    from worker.clients.webhook import Webhook
    from worker.domain.facts import Person, TicketKey
    from worker.domain.outgoing import outgoing
    from worker.domain.policy import Target
    from worker.domain.ticket import Event, Status, Ticket

    now = datetime.now(UTC)
    ticket = Ticket(
        TicketKey("chatwoot", "1/7"), now, now, status=Status.RESOLVED, subject="Our shop is down", channel="email",
        requester=Person("5", "Ada Lovelace", "ada@example.org"), category="outage", priority="urgent",
        resolution_text="Restarted the shop; a full disk was the cause.",
    )  # fmt: skip
    event = Event("ticket.resolved", "resolution:1", now, "intake", "resolved for the first time", {"resolution": 1})
    (effect,) = outgoing(ticket, [event], [Target("example", "https://example.org/")])
    return Webhook(trial_id(), event.name, now, {"ticket_id": 7, **effect.payload["data"]}).body()


def post(target: Target | None, url: str, headers: dict[str, str], body: bytes) -> Answer:
    """As the worker would, and to nowhere it would not. Raises DependencyDown with the reason."""
    from worker.clients.egress import Egress
    from worker.errors import DependencyDown, WorkError

    try:
        return Egress("event", allow_private=bool(target and target.allow_private)).post(
            url, headers=headers, body=body
        )
    except WorkError as exc:
        raise DependencyDown(f"{url} was not reached ({exc.cause}): {exc}.") from exc


def told(answer: Answer) -> str:
    """An answer in a line."""
    from worker.clients.webhook import said_in

    return f"{answer.status} {said_in(answer)}".rstrip()


def ping(name: str) -> dict[str, Any]:
    """`data` of a test event."""
    return {"target": name, "text": "A test of Hookdesk: nothing has happened."}
