"""Effects become calls: claim one, ask whether it is still wanted, have it performed, settle what came of it.

The claim is a lease taken just before the call. Whatever happens between the call and the settling (a cut connection,
a killed worker) leaves a row whose outcome is unknown; before such an effect is repeated or called off, what it left
is looked for. What decides about another try is `worker.domain.retry`; here it is only carried out. Each other side
has its performer (`worker.performers`), and a circuit breaker of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worker import log, metrics
from worker.clients.deadline import ending_at
from worker.clients.exchange import OWN_RATE
from worker.clock import Clock
from worker.config import Settings
from worker.domain.effects import CHATWOOT, CUSTOMER_FACING, Effect, EffectKind, EffectState
from worker.domain.outcome import is_wanted
from worker.domain.policy import Policy
from worker.domain.retry import Bury, Cancel, Draw, RetryIn, decide
from worker.domain.wording import NOT_WANTED, failure
from worker.errors import AccessError, NoTarget, TransientError, WorkError
from worker.failpoints import reach
from worker.performers.base import ClientFactory, Outside, Performer
from worker.performers.registry import Performers, is_configured
from worker.store import breakers, effects, ticket_reads
from worker.store.breaker_trip import trip
from worker.store.database import Database, is_connection_lost
from worker.store.effect_pause import put_off
from worker.store.effects import ClaimedEffect, Fenced
from worker.store.ticket_rows import StoredTicket

LEASE = timedelta(seconds=60)
DRAIN_SECONDS = 15.0
EFFECT_SECONDS = 30.0  # all calls for one effect together: below the lease, and with DRAIN_SECONDS below the task limit
RAMP_SECONDS = 15.0  # after a pause deferred effects come back spread over this time
TASK = "perform_effects"
_OF_ALL_THE_CONVERSATION = frozenset({EffectKind.SET_STATUS, EffectKind.SURVEY})
_HANGS = "timeout"
_ANSWERED = frozenset({"message_limit", "partly_done", "unheard"})  # transient, but nothing against the other side

logger = log.get(__name__)


def _never(effect: Effect) -> bool:
    return False


def initial_state(
    effect: Effect,
    *,
    ticket_source: str,
    settings: Settings,
    policy: Policy,
    approved: Callable[[Effect], bool] = _never,
) -> EffectState:
    """Where a new effect starts: by the mode of its kind, and whether there is anything to perform it on.

    `approved` says whether a person let its template go once for all.
    """
    mode = _mode(effect.kind, settings, policy)
    if mode == "dry-run":
        return EffectState.DRY_RUN
    has_conversation = effect.lane != CHATWOOT or ticket_source == CHATWOOT
    if not has_conversation or not is_configured(effect, settings, policy):
        return EffectState.NO_TARGET
    return EffectState.APPROVAL if mode == "approve" and not approved(effect) else EffectState.PENDING


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
    outside = Outside(db, settings, policy, client_factory)
    performing = Performing(outside, Performers(outside), clock, draw)
    until, taken = monotonic() + seconds, 0
    effects.expire(db)
    while monotonic() < until and (claimed := effects.claim_one(db, lease=LEASE)) is not None:
        reach("perform.after_claim")
        performing.perform(claimed)
        taken += 1
    return taken


@dataclass(frozen=True, slots=True)
class Performing:
    """What performing effects needs, whatever the other side."""

    outside: Outside
    performers: Performers
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

    @property
    def db(self) -> Database:
        return self.outside.db

    def _perform(self, claimed: ClaimedEffect) -> None:
        if _mode(claimed.kind, self.outside.settings, self.outside.policy) == "dry-run":
            return self._settle(claimed, EffectState.DRY_RUN, cause="dry_run")
        performer, ticket = self.performers.of(claimed.lane), ticket_reads.get(self.db, claimed.ticket_id)
        if performer is None or ticket is None or not performer.has_target(claimed, ticket):
            return self._settle(claimed, EffectState.NO_TARGET, cause="no_target", refund=True)
        stale = _stale(claimed, ticket) or self._followed(claimed, ticket)
        if stale is not None and not claimed.maybe_done:
            return self._settle(claimed, EffectState.CANCELLED, cause="stale", detail=stale, refund=True)
        breaker = breakers.state(self.db, performer.dependency(claimed))
        if breaker.is_open:
            return self._leave_alone(claimed, breaker.open_until, breaker.cause)
        return self._try(performer, claimed, ticket, stale)

    def _try(self, performer: Performer, claimed: ClaimedEffect, ticket: StoredTicket, stale: str | None) -> None:
        """Perform it; of what is stale only look whether an earlier try has done it after all."""
        try:
            result = (performer.perform if stale is None else performer.look_for)(claimed, ticket)
        except AccessError as exc:
            return self._second_look(performer, claimed, exc)
        except NoTarget as exc:
            return self._settle(claimed, EffectState.NO_TARGET, cause=exc.cause, detail=str(exc), refund=True)
        except Exception as exc:  # an unknown error has a small budget of tries, then it is a dead letter
            if is_connection_lost(exc):
                raise
            return self._failed(performer, claimed, exc)
        reach("perform.after_call")
        breakers.record(self.db, performer.dependency(claimed), True)
        if result is None:
            return self._settle(claimed, EffectState.CANCELLED, cause="stale", detail=stale)
        return self._settle(claimed, EffectState.DONE, result=result)

    def _second_look(self, performer: Performer, claimed: ClaimedEffect, error: AccessError) -> None:
        """401, 403, 404: is it this object, or do we have no access at all? Then nothing dies for it."""
        try:
            performer.check_access(claimed)
        except TransientError as exc:
            if exc.cause == OWN_RATE:
                return self._defer(claimed, exc.cause, None)
            return self._no_access(performer, claimed, exc)
        except WorkError as exc:
            return self._no_access(performer, claimed, exc)
        return self._failed(performer, claimed, error)

    def _no_access(self, performer: Performer, claimed: ClaimedEffect, error: WorkError) -> None:
        name = performer.dependency(claimed)
        trip(self.db, name, f"{error.cause}: {error}")
        logger.error("access_lost", effect=claimed.id, dependency=name, cause=error.cause)
        until, detail = breakers.state(self.db, name).open_until, failure(error, performer.named(claimed))
        self._defer(claimed, "circuit_open", until, detail=detail)

    def _failed(self, performer: Performer, claimed: ClaimedEffect, error: Exception) -> None:
        if isinstance(error, TransientError) and error.cause == OWN_RATE:
            return self._defer(claimed, error.cause, None)
        self._hold_against(performer.dependency(claimed), error)
        metrics.TASK_FAILURES.labels(task=TASK, reason=_cause(error)).inc()
        now, detail = self._now(), failure(error, performer.named(claimed))
        age, draw = now - claimed.first_tried_at, self.draw()
        match decide(error, attempt=claimed.attempts, age=age, draw=draw, schedule=performer.schedule):
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

    def _hold_against(self, dependency: str, error: Exception) -> None:
        """What this says about the other side. One that hangs is left alone at once: ten timeouts would never come
        together within the minute that a circuit looks at, and the effects for others would wait behind each."""
        is_outage = isinstance(error, TransientError) and error.cause not in _ANSWERED
        if is_outage and _cause(error) == _HANGS:
            trip(self.db, dependency, f"{_HANGS}: {error}")
        elif isinstance(error, WorkError):
            breakers.record(self.db, dependency, not is_outage, str(error))

    def _leave_alone(self, claimed: ClaimedEffect, until: datetime | None, why: str | None) -> None:
        """This one, and with it all others that are due on its lane."""
        self._defer(claimed, "circuit_open", until, detail=why)
        ramp = timedelta(seconds=RAMP_SECONDS)
        put_off(self.db, claimed.lane, until=until or self._now(), ramp=ramp, cause="circuit_open", detail=why)

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

    def _followed(self, claimed: ClaimedEffect, ticket: StoredTicket) -> str | None:
        """Why not, in words, of what a closed ticket would do to a conversation that has a new one by now."""
        is_closed = ticket.ticket is not None and ticket.ticket.closed_at is not None
        if not is_closed or claimed.kind not in _OF_ALL_THE_CONVERSATION:
            return None
        return None if ticket_reads.following(self.db, ticket) is None else NOT_WANTED["followed"]

    def _now(self) -> datetime:
        if self.clock is not None:
            return self.clock.now()
        with self.db.read() as conn:
            return self.db.now(conn)


def _stale(claimed: ClaimedEffect, ticket: StoredTicket) -> str | None:
    """Why nobody wants it any more, in words; None while it is wanted."""
    if ticket.ticket is None:
        return None
    reason = is_wanted(claimed.kind, claimed.decision, claimed.payload, ticket.ticket)
    return None if reason is None else NOT_WANTED.get(reason, reason)


def _mode(kind: EffectKind, settings: Settings, policy: Policy) -> str:
    """live, approve or dry-run. A global dry-run beats everything: it is the promise that nothing is sent."""
    if settings.effects == "dry-run":
        return "dry-run"
    own = dict(policy.effect_modes).get(kind)
    if own is not None:
        return own
    return settings.effects if kind in CUSTOMER_FACING else "live"


def _cause(error: Exception) -> str:
    return error.cause if isinstance(error, WorkError) else "error"
