"""Outgoing events: signed webhooks to the targets that the policy names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker import log
from worker.clients.egress import Egress, Resolver, system_resolver
from worker.clients.webhook import Webhook, said_in, secrets_of, send
from worker.config import Settings
from worker.domain.policy import Policy, Target
from worker.domain.retry import WEBHOOK_OUT, Schedule
from worker.errors import NoTarget, WorkError
from worker.performers.base import Outside
from worker.performers.identity import lasting
from worker.store import targets
from worker.store.effects import ClaimedEffect
from worker.store.ticket_rows import StoredTicket

GONE = "endpoint_gone"
_OURS = frozenset({"too_large", "bad_address", "not_encrypted"})  # it was never asked
_OFF = "the target {name} is switched off; `hookdesk targets enable {name}` sends what waits"

logger = log.get(__name__)


class EventPerformer:
    """Posts to the target of an event, as long as that target is there, has a secret and is not switched off."""

    schedule: Schedule = WEBHOOK_OUT

    def __init__(self, outside: Outside, *, resolve: Resolver = system_resolver) -> None:
        self._db, self._resolve = outside.db, resolve
        self._targets = {target.name: target for target in outside.policy.targets}
        self._secrets = outside.settings.event_secrets

    def dependency(self, claimed: ClaimedEffect) -> str:
        """A breaker for each target: one that fails does not hold up the others."""
        return f"event:{_name(claimed)}"

    def named(self, claimed: ClaimedEffect) -> str:
        """By the name in the policy."""
        return f"the target {_name(claimed)}"

    def has_target(self, claimed: ClaimedEffect, ticket: StoredTicket) -> bool:
        """It stands in the policy, and there is a secret to sign with: nothing goes out unsigned."""
        return _name(claimed) in self._targets and bool(secrets_of(_name(claimed), self._secrets))

    def perform(self, claimed: ClaimedEffect, ticket: StoredTicket) -> dict[str, Any]:
        """One POST; whether it was taken decides how the target stands. Raises NoTarget while it is switched off."""
        target = self._targets[_name(claimed)]
        if targets.get(self._db, target.name).disabled_at is not None:
            raise NoTarget(targets.DISABLED, _OFF.format(name=target.name))
        try:
            result = self._post(target, claimed)
        except WorkError as exc:
            if self._switches_off(target, exc):
                logger.warning("target_disabled", target=target.name, cause=exc.cause)
                raise NoTarget(targets.DISABLED, _OFF.format(name=target.name)) from exc
            raise
        targets.succeeded(self._db, target.name)
        return result

    def look_for(self, claimed: ClaimedEffect, ticket: StoredTicket) -> None:
        """A target cannot be asked; it tells repetitions apart by the webhook-id."""
        return

    def check_access(self, claimed: ClaimedEffect) -> None:
        """There is nothing to ask a target."""

    def _post(self, target: Target, claimed: ClaimedEffect) -> dict[str, Any]:
        payload = claimed.payload
        data = {"ticket_id": claimed.ticket_id, **payload["data"]}
        webhook = Webhook(id_of(claimed), payload["type"], datetime.fromisoformat(payload["at"]), data)
        egress = Egress("event", allow_private=target.allow_private, resolve=self._resolve)
        with self._db.read() as conn:
            now = self._db.now(conn)
        answer = send(egress, target.url, webhook, secrets=secrets_of(target.name, self._secrets), now=now)
        return {"webhook_id": webhook.id, "status": answer.status, "said": said_in(answer)}

    def _switches_off(self, target: Target, error: WorkError) -> bool:
        if error.cause == GONE:
            targets.disable(self._db, target.name, f"it answered {error}: it wants no more events")
            return True
        if error.cause in _OURS:
            return False
        return targets.failed(self._db, target.name, str(error))


def id_of(claimed: ClaimedEffect) -> str:
    """The webhook-id: the same over all tries of one effect."""
    return f"evt_{lasting(claimed)}"


def is_configured(payload: Mapping[str, Any], settings: Settings, policy: Policy) -> bool:
    """Whether the policy names this effect's target, and these settings a secret for it."""
    name = str(payload["target"])
    return any(target.name == name for target in policy.targets) and bool(secrets_of(name, settings.event_secrets))


def _name(claimed: ClaimedEffect) -> str:
    return str(claimed.payload["target"])
