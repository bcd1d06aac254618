"""A desk as the store keeps it, over days: timers that fire, effects that are performed, the log; and its source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.builders import BILLING, KEY, LENA, MAYA, OLEG, SUPPORT, T0, a_message, a_roster, a_snapshot, an_agent
from worker.domain.decide import decide
from worker.domain.effects import SUPERSEDES, Effect, EffectKind
from worker.domain.facts import Author, Fact, Person
from worker.domain.outcome import is_wanted
from worker.domain.policy import Policy
from worker.domain.ticket import Decision, Ticket
from worker.domain.view import Given
from worker.placing import opens

PENDING, FIRED, DONE, CANCELLED = "pending", "fired", "done", "cancelled"
MOST_TURNS = 300
PEOPLE = {person.id: person for person in (MAYA, OLEG)}
TEAMS = {team.id: team for team in (BILLING, SUPPORT)}


@dataclass
class Source:
    """A conversation, whose clock is `ahead` of ours; what it tells lies on the wire until it is heard."""

    ahead: timedelta = timedelta(0)
    status: str = "open"
    priority: str | None = None
    assignee: Person | None = None
    team: Person | None = None
    can_reply: bool = True
    first_reply_at: datetime | None = None
    waiting_since: datetime | None = T0
    wire: list[Fact] = field(default_factory=list)
    messages: int = 0

    def show(self, now: datetime, **changes: Any) -> None:
        """Change registers and tell of it, if that is a change."""
        if changes and all(getattr(self, name) == value for name, value in changes.items()):
            return
        for name, value in changes.items():
            setattr(self, name, value)
        if self.status == "resolved":
            self.waiting_since = None
        shot = a_snapshot(
            0, self.status, at=now + self.ahead, created_at=T0 + self.ahead, priority=self.priority,
            assignee=self.assignee, team=self.team, can_reply=self.can_reply, first_reply_at=self.first_reply_at,
            waiting_since=self.waiting_since,
        )  # fmt: skip
        self.wire.append(shot)

    def say(self, now: datetime, text: str, author: Author, **given: Any) -> None:
        """A message, and what it does to the conversation."""
        self.messages += 1
        at, by = now + self.ahead, LENA if author is Author.CUSTOMER else MAYA
        self.wire.append(a_message(0, id=f"m{self.messages}", at=at, author=author, by=by, text=text, **given))
        is_open = self.status not in ("resolved", "snoozed")
        if author is Author.AGENT and not given.get("private"):
            self.first_reply_at, self.waiting_since = self.first_reply_at or at, None
        elif author is Author.CUSTOMER and not given.get("auto_reply"):
            self.waiting_since = self.waiting_since or at
        if author is Author.CUSTOMER and not is_open:
            self.status = "open"
        self.show(now + timedelta(milliseconds=1))

    def perform(self, effect: Effect, now: datetime) -> None:
        """Do what is asked of the conversation; labels and notes change nothing that matters here."""
        said = effect.payload
        match effect.kind:
            case EffectKind.SET_STATUS | EffectKind.SET_PRIORITY:
                self.show(now, **{name: said[name] for name in ("status", "priority") if name in said})
            case EffectKind.ASSIGN_AGENT:
                self.show(now, assignee=PEOPLE.get(said["agent_id"]))
            case EffectKind.ASSIGN_TEAM:
                self.show(now, team=TEAMS[said["team_id"]])
            case EffectKind.REPLY:
                self.say(now, said["text"], Author.AGENT)
            case EffectKind.SURVEY | EffectKind.CLOSING_NOTICE:
                self.say(now, said["text"], Author.OWN)


@dataclass
class Kept:
    """A row of the store."""

    what: Any
    state: str = PENDING


@dataclass
class Desk:
    """What is known and wanted. `hear` decides, `wait_until` fires each timer at its time, `perform` does."""

    policy: Policy
    source: Source
    now: datetime = T0
    facts: list[Fact] = field(default_factory=list)
    ticket: Ticket | None = None
    timers: dict[tuple[str, str], Kept] = field(default_factory=dict)
    effects: dict[tuple[EffectKind, str], Kept] = field(default_factory=dict)
    done: dict[tuple[EffectKind, str], datetime] = field(default_factory=dict)
    events: set[tuple[str, str]] = field(default_factory=set)
    ended: set[tuple[str, str]] = field(default_factory=set)
    asked_at: datetime | None = None
    is_followed: bool = False  # what comes now belongs to the next ticket

    def tick(self, seconds: float = 1) -> None:
        """Time passes without anything being due."""
        self.now += timedelta(seconds=seconds)

    def known(self, at: datetime) -> Given:
        """What a decision may ask."""
        roster = a_roster(an_agent(MAYA), an_agent(OLEG, senior=True), refreshed_at=at)
        return Given(roster, surveyed_at=self.asked_at, done=dict(self.done), ended=frozenset(self.ended))

    def decided(self, at: datetime) -> Decision:
        """What would be decided now, or later without any news."""
        return decide(self.ticket, KEY, self.facts, policy=self.policy, known=self.known(at), now=at)

    def hear(self, *facts: Fact) -> Decision | None:
        """Decide and store; None where there is nothing to decide about."""
        if self._is_anothers(facts):
            return None
        known = {fact.key for fact in self.facts}
        self.facts += [fact for fact in facts if fact.key not in known]
        if not self.facts:
            return None
        decision = self.decided(self.now)
        self.facts += decision.facts
        self.ticket = decision.ticket
        self._store(decision)
        return decision

    def due(self, until: datetime) -> list[tuple[str, str]]:
        """The timers that come first, of those due by then."""
        at = {key: kept.what for key, kept in self.timers.items() if kept.state == PENDING and kept.what <= until}
        return [key for key, when in at.items() if when == min(at.values())]

    def fire(self, keys: Collection[tuple[str, str]]) -> Decision | None:
        """At their time, or now if that has passed."""
        self.now = max(self.now, *(self.timers[key].what for key in keys))
        for key in keys:
            self.timers[key].state = FIRED
        return self.hear()

    def perform(self) -> int:
        """All that is wanted and still is, one after the other; returns how many were looked at."""
        waiting = [(key, kept) for key, kept in self.effects.items() if kept.state == PENDING]
        for key, kept in waiting:
            self.tick(0.01)
            effect = kept.what
            assert self.ticket is not None
            if is_wanted(effect.kind, effect.decision, effect.payload, self.ticket) is not None:
                kept.state = CANCELLED
                continue
            kept.state, self.done[key] = DONE, self.now
            if effect.lane == "chatwoot":
                self.source.perform(effect, self.now)
        return len(waiting)

    def _is_anothers(self, facts: tuple[Fact, ...]) -> bool:
        ticket = self.ticket
        if ticket is None or ticket.closed_at is None or not facts:
            return False
        ended = ticket.closed_at
        self.is_followed = self.is_followed or any(fact.at > ended and opens(fact, ticket) for fact in facts)
        return self.is_followed

    def _store(self, decision: Decision) -> None:
        self.events |= {(one.name, one.key) for one in decision.events}
        self.ended |= {(one.kind, one.key) for one in decision.ended}
        self.ended -= {(one.kind, one.key) for one in decision.activities}
        self._sync({(one.kind, one.key): one.due_at for one in decision.timers})
        new = [one for one in decision.effects if (one.kind, one.decision) not in self.effects]
        newest = {one.kind: one for one in new if one.kind in SUPERSEDES}
        for kept in self.effects.values():
            if kept.state == PENDING and kept.what.kind in newest:
                kept.state = CANCELLED
        for one in new:
            self.effects.setdefault((one.kind, one.decision), Kept(one))
        if any(one.kind is EffectKind.SURVEY for one in new):
            self.asked_at = self.now

    def _sync(self, wanted: dict[tuple[str, str], datetime]) -> None:
        """What is wanted replaces what was pending; a fired one comes again for a later time, or one still ahead."""
        for key, kept in self.timers.items():
            at = wanted.pop(key, None)
            if at is None:
                kept.state = CANCELLED if kept.state == PENDING else kept.state
            elif kept.state != FIRED or at > kept.what or at > self.now:
                self.timers[key] = replace(kept, what=at, state=PENDING)
        self.timers |= {key: Kept(at) for key, at in wanted.items()}
