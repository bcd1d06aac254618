"""Effects become calls: claim one, ask whether it is still wanted, call Chatwoot, settle what came of it.

The claim is a lease taken just before the call. Whatever happens between the call and the settling (a cut connection,
a killed worker) leaves a row whose outcome is unknown; before such a message is written again, its marker is looked
for. What decides about another try is `worker.domain.retry`; here it is only carried out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worker import log, metrics, survey_token
from worker.clients.chatwoot import ChatwootClient
from worker.clients.deadline import ending_at
from worker.clients.exchange import OWN_RATE
from worker.clock import Clock
from worker.config import Settings
from worker.domain.effects import CUSTOMER_FACING, Effect, EffectKind, EffectState
from worker.domain.outcome import is_wanted
from worker.domain.policy import Policy
from worker.domain.retry import CHATWOOT, Bury, Cancel, Draw, RetryIn, decide
from worker.domain.wording import NOT_WANTED, failure
from worker.errors import AccessError, PermanentError, TransientError, WorkError
from worker.failpoints import reach
from worker.store import breakers, effects, ticket_reads
from worker.store.breaker_trip import trip
from worker.store.database import Database, is_connection_lost
from worker.store.effects import ClaimedEffect, Fenced
from worker.store.ticket_rows import StoredTicket

LEASE = timedelta(seconds=60)
DRAIN_SECONDS = 15.0
EFFECT_SECONDS = 30.0  # all calls for one effect together: below the lease, and with DRAIN_SECONDS below the task limit
RAMP_SECONDS = 15.0  # after a pause deferred effects come back spread over this time
TASK = "perform_effects"
DEPENDENCY = "chatwoot"
_ANSWERED = frozenset({"message_limit"})  # transient, but it says nothing against Chatwoot as a whole

ClientFactory = Callable[[], ChatwootClient | None]
logger = log.get(__name__)


def initial_state(effect: Effect, *, ticket_source: str, settings: Settings, policy: Policy) -> EffectState:
    """Where a new effect starts: by the mode of its kind, and whether there is a Chatwoot to perform it on."""
    mode = _mode(effect.kind, settings, policy)
    if mode == "dry-run":
        return EffectState.DRY_RUN
    if ticket_source != DEPENDENCY or settings.chatwoot_url is None or settings.chatwoot_token is None:
        return EffectState.NO_TARGET
    return EffectState.APPROVAL if mode == "approve" else EffectState.PENDING


def perform_due(
    db: Database,
    client_factory: ClientFactory,
    policy: Policy,
    settings: Settings,
    *,
    seconds: float = DRAIN_SECONDS,
    clock: Clock | None = None,
    draw: Draw = random.random,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Perform what is due, one effect after the other, until none is left or the time is up; returns how many were
    taken up. Raises what the database raises when it is away: leases lapse then, and nothing is forgotten."""
    performer = Performer(db, client_factory, policy, settings, clock, draw)
    until, taken = monotonic() + seconds, 0
    effects.expire(db)
    while monotonic() < until and (claimed := effects.claim_one(db, lease=LEASE)) is not None:
        reach("perform.after_claim")
        performer.perform(claimed)
        taken += 1
    return taken


@dataclass(frozen=True, slots=True)
class Performer:
    """What performing one effect needs."""

    db: Database
    client_factory: ClientFactory
    policy: Policy
    settings: Settings
    clock: Clock | None
    draw: Draw

    def perform(self, claimed: ClaimedEffect) -> None:
        """Take one claimed effect to its next state."""
        metrics.TASK_ATTEMPTS.labels(task=TASK).inc()
        try:
            with metrics.TASK_DURATION.labels(task=TASK).time(), ending_at(time.monotonic() + EFFECT_SECONDS):
                self._perform(claimed)
            reach("perform.after_settle")
        except Fenced:
            metrics.FENCED_WRITES.labels(task=TASK).inc()
            logger.warning("fenced", effect=claimed.id)

    def _perform(self, claimed: ClaimedEffect) -> None:
        ticket = ticket_reads.get(self.db, claimed.ticket_id)
        conversation = conversation_of(ticket)
        client = self.client_factory()
        if _mode(claimed.kind, self.settings, self.policy) == "dry-run":
            return self._settle(claimed, EffectState.DRY_RUN, cause="dry_run")
        if client is None or ticket is None or conversation is None:
            return self._settle(claimed, EffectState.NO_TARGET, cause="no_target", refund=True)
        if ticket.ticket is not None:
            reason = is_wanted(claimed.kind, claimed.decision, claimed.payload, ticket.ticket)
            if reason is not None:
                return self._settle(
                    claimed, EffectState.CANCELLED, cause="stale", detail=NOT_WANTED.get(reason, reason), refund=True
                )
        breaker = breakers.state(self.db, DEPENDENCY)
        if breaker.is_open:
            return self._defer(claimed, "circuit_open", breaker.open_until, detail=breaker.cause)
        return self._try(client, claimed, conversation)

    def _try(self, client: ChatwootClient, claimed: ClaimedEffect, conversation: str) -> None:
        try:
            result = self._call(client, claimed, conversation)
        except AccessError as exc:
            return self._second_look(client, claimed, exc)
        except Exception as exc:  # an unknown error has a small budget of tries, then it is a dead letter
            if is_connection_lost(exc):
                raise
            return self._failed(claimed, exc)
        reach("perform.after_call")
        breakers.record(self.db, DEPENDENCY, True)
        return self._settle(claimed, EffectState.DONE, result=result)

    def _call(self, client: ChatwootClient, claimed: ClaimedEffect, conversation: str) -> dict[str, Any]:
        match claimed.kind:
            case EffectKind.ASSIGN_TEAM:
                return _kept(client.assign_team(conversation, claimed.payload["team_id"]))
            case EffectKind.ASSIGN_AGENT:
                return _kept(client.assign_agent(conversation, claimed.payload["agent_id"]))
            case EffectKind.PRIVATE_NOTE:
                return self._write(client, claimed, conversation, claimed.payload["text"], private=True)
            case EffectKind.SURVEY:
                return self._write(client, claimed, conversation, self._survey_text(claimed), private=False)

    def _write(
        self, client: ChatwootClient, claimed: ClaimedEffect, conversation: str, text: str, *, private: bool
    ) -> dict[str, Any]:
        marker = f"e{claimed.id}"
        may_be_there = claimed.maybe_done or claimed.attempts > 1
        if may_be_there and client.find_marker(conversation, marker, since=claimed.first_tried_at):
            return {"found": marker}
        return _kept(client.create_message(conversation, text, private=private, marker=marker))

    def _survey_text(self, claimed: ClaimedEffect) -> str:
        if not self.settings.link_secrets:
            raise PermanentError("no_link_secret", "HOOKDESK_LINK_SECRETS is empty: the survey link cannot be signed")
        resolution = int(claimed.payload["resolution"])
        token = survey_token.make(self.settings.link_secrets, ticket_id=claimed.ticket_id, resolution=resolution)
        link = f"{self.settings.public_url.rstrip('/')}/survey/{token}"
        return str(claimed.payload["text"]).replace("{link}", link)

    def _second_look(self, client: ChatwootClient, claimed: ClaimedEffect, error: AccessError) -> None:
        """401, 403, 404: is it this object, or do we have no access at all? Then nothing dies for it."""
        try:
            client.ping()
        except TransientError as exc:
            if exc.cause == OWN_RATE:
                return self._defer(claimed, exc.cause, None)
            return self._no_access(claimed, exc)
        except WorkError as exc:
            return self._no_access(claimed, exc)
        return self._failed(claimed, error)

    def _no_access(self, claimed: ClaimedEffect, error: WorkError) -> None:
        trip(self.db, DEPENDENCY, f"{error.cause}: {error}")
        logger.error("chatwoot_access_lost", effect=claimed.id, cause=error.cause)
        self._defer(claimed, "circuit_open", breakers.state(self.db, DEPENDENCY).open_until, detail=failure(error))

    def _failed(self, claimed: ClaimedEffect, error: Exception) -> None:
        if isinstance(error, TransientError) and error.cause == OWN_RATE:
            return self._defer(claimed, error.cause, None)
        is_outage = isinstance(error, TransientError) and error.cause not in _ANSWERED
        if isinstance(error, WorkError):
            breakers.record(self.db, DEPENDENCY, not is_outage, str(error))
        metrics.TASK_FAILURES.labels(task=TASK, reason=_cause(error)).inc()
        now, detail = self._now(), failure(error)
        age = now - claimed.first_tried_at
        match decide(error, attempt=claimed.attempts, age=age, draw=self.draw(), schedule=CHATWOOT):
            case RetryIn(seconds, cause, uses_try):
                metrics.TASK_RETRIES.labels(task=TASK, reason=cause).inc()
                at = now + timedelta(seconds=seconds)
                return self._settle(
                    claimed, EffectState.RETRY, cause=cause, detail=detail, next_at=at, refund=not uses_try
                )
            case Bury(cause):
                return self._settle(claimed, EffectState.DEAD, cause=cause, detail=detail)
            case Cancel(cause):
                return self._settle(claimed, EffectState.CANCELLED, cause=cause, detail=detail)

    def _defer(self, claimed: ClaimedEffect, cause: str, until: datetime | None, *, detail: str | None = None) -> None:
        """Not now, for reasons that are not the effect's: uses no try."""
        now = self._now()
        pause = timedelta(seconds=1 + self.draw()) if until is None else timedelta(seconds=self.draw() * RAMP_SECONDS)
        at = max(until or now, now) + pause
        self._settle(claimed, EffectState.RETRY, cause=cause, detail=detail, next_at=at, refund=True)

    def _settle(self, claimed: ClaimedEffect, state: EffectState, *, cause: str | None = None, **rest: Any) -> None:
        effects.settle(self.db, claimed, state=state, cause=cause, **rest)
        metrics.EFFECTS.labels(kind=claimed.kind, outcome=state.value).inc()
        say = logger.warning if state is EffectState.DEAD else logger.info
        say("effect_settled", effect=claimed.id, kind=claimed.kind.value, state=state.value, cause=cause)

    def _now(self) -> datetime:
        if self.clock is not None:
            return self.clock.now()
        with self.db.read() as conn:
            return self.db.now(conn)


def conversation_of(ticket: StoredTicket | None) -> str | None:
    """The conversation's number in Chatwoot, from `<account>/<conversation>`; None for tickets from elsewhere."""
    if ticket is None or ticket.key.source != DEPENDENCY:
        return None
    _, _, conversation = ticket.key.external_id.partition("/")
    return conversation if conversation.isdigit() else None


def _mode(kind: EffectKind, settings: Settings, policy: Policy) -> str:
    """live, approve or dry-run. A global dry-run beats everything: it is the promise that nothing is sent."""
    if settings.effects == "dry-run":
        return "dry-run"
    own = dict(policy.effect_modes).get(kind)
    if own is not None:
        return own
    return settings.effects if kind in CUSTOMER_FACING else "live"


def _kept(said: Any) -> dict[str, Any]:
    """What is kept of an answer: the id of what was made or set."""
    return {"id": said.get("id")}


def _cause(error: Exception) -> str:
    return error.cause if isinstance(error, WorkError) else "error"
