"""Whole lives of tickets, drawn at random around changes of the clock: as facts for Hookdesk, as happenings for others.

What happens is what happens in Chatwoot: a customer who writes opens a resolved or snoozed conversation again, the bot
keeps one, people snooze, resolve, reopen and set priorities, and noise arrives that is none of the clocks' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from tests.builders import a_policy
from worker.domain.facts import Author, Escalated, Fact, Message, Snapshot
from worker.domain.policy import Calendar, Policy, ReopenPolicy, SlaPolicy

CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),  # by half an hour
    "Asia/Kathmandu": (date(2026, 5, 10),),  # none, but three quarters of an hour beside the others
    "America/St_Johns": (date(2026, 3, 8), date(2026, 11, 1)),
}
PRIORITIES = ("low", "medium", "high", "urgent")
MOST_HAPPENINGS = 14


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: asks, answers, snoozes, wakes, to_bot, resolves, reopens, sets or raises (priority)."""

    at: datetime
    what: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """One ticket's life until `as_of`, twice told."""

    happenings: tuple[Happening, ...]
    facts: tuple[Fact, ...]
    policy: Policy
    as_of: datetime


def histories(zone: str, number: int, *, seed: int) -> Iterator[History]:
    """So many lives in this zone; the same seed gives the same ones."""
    random = Random(f"{zone}:{seed}")
    calendars = {change: _calendars(zone, change) for change in CHANGES[zone]}
    for _ in range(number):
        change = random.choice(CHANGES[zone])
        begin = datetime.combine(change, time(), UTC) + timedelta(seconds=random.randrange(-5 * 86400, 2 * 86400))
        happenings = tuple(_life(random, begin))
        yield History(
            happenings=happenings,
            facts=tuple(_facts(random, happenings)),
            policy=_policy(random, calendars[change]),
            as_of=happenings[-1].at + timedelta(seconds=random.choice((0, 1, 600, 30_000, 200_000))),
        )


def _calendars(zone: str, change: date) -> tuple[Calendar, ...]:
    week = (change + timedelta(days=n) for n in (0, 1, 4))
    office = tuple((n, a, b) for n in range(5) for a, b in ((time(9), time(12, 30)), (time(13, 15), time(18))))
    nights = tuple((n, time(21), time(6, 45)) for n in range(7))  # over midnight, and over every change of the clock
    mornings = tuple((n, a, b) for n in range(7) for a, b in ((time(0), time(2, 15)), (time(2, 45), time(5))))
    return (
        Calendar("office", zone, (*office, (5, time(10), time(14))), frozenset(week)),
        Calendar("nights", zone, nights, frozenset({change - timedelta(days=1)})),
        Calendar("mornings", zone, mornings),
        Calendar(),
    )


def _policy(random: Random, calendars: tuple[Calendar, ...]) -> Policy:
    def promise(name: str, priorities: tuple[str, ...]) -> SlaPolicy:
        first, following, resolution = (timedelta(minutes=5 * random.randrange(1, most)) for most in (60, 60, 300))
        return SlaPolicy(
            name=name,
            calendar=random.choice(calendars),
            first_response=first,
            next_response=following if random.random() < 0.9 else None,
            resolution=resolution,
            priorities=priorities,
            pause_while_waiting_for_customer=random.random() < 0.7,
            warn_at=random.choice(((50, 80), (50, 80), (25, 75, 90), ())),
        )

    reopen = ReopenPolicy(
        window=timedelta(hours=random.choice((1, 12, 48))),
        clocks_within=random.choice(("resume", "resume", "restart")),
        clocks_later=random.choice(("restart", "restart", "resume")),
    )
    return a_policy(sla=(promise("pressing", ("high", "urgent")), promise("usual", ())), score_rules=(), reopen=reopen)


def _life(random: Random, begin: datetime) -> Iterator[Happening]:
    status, at, register, raised = "open", begin, "", False
    yield Happening(at, "answers" if random.random() < 0.1 else "asks")
    for _ in range(random.randrange(MOST_HAPPENINGS)):
        at += timedelta(seconds=random.choice((1, random.randrange(2, 900), random.randrange(900, 100_000))))
        what = random.choice(("asks", "asks", "answers", "answers", *_POSSIBLE[status]))
        word = ""
        if what == "raises":
            if raised:
                continue  # each rule once
            raised, word = True, random.choice(PRIORITIES[2:])
        if what == "sets":
            register = word = random.choice([one for one in PRIORITIES if one != register])
        if what == "asks" and status in ("resolved", "snoozed"):
            status = "open"
        status = _BECOMES.get(what, status)
        yield Happening(at, what, word)


_POSSIBLE = {
    "open": ("snoozes", "to_bot", "resolves", "resolves", "resolves", "sets", "raises"),
    "pending": ("wakes", "wakes", "snoozes", "resolves", "sets", "raises"),
    "snoozed": ("wakes", "wakes", "to_bot", "resolves", "sets"),
    "resolved": ("reopens", "reopens", "sets"),
}
_BECOMES = {"snoozes": "snoozed", "wakes": "open", "to_bot": "pending", "resolves": "resolved", "reopens": "open"}


def _facts(random: Random, happenings: tuple[Happening, ...]) -> Iterator[Fact]:
    """What Chatwoot tells of them: messages, and a snapshot of how the conversation stands after each."""
    begin, status, register = happenings[0].at, "open", None
    has_person = any(one.what == "asks" for one in happenings)  # else there are no clocks once an autoresponder wrote
    for n, one in enumerate(happenings):
        if one.what == "asks":
            yield Message(f"m{n}", one.at, Author.CUSTOMER, "Where is my parcel?")
        elif one.what == "answers":
            yield Message(f"m{n}", one.at, Author.AGENT, "On its way.")
        elif one.what == "raises":
            yield Escalated("rule", 1, one.at, "it matters", priority=one.word)
        elif one.what == "sets":
            register = one.word
        if one.what == "asks" and status in ("resolved", "snoozed"):
            status = "open"
        status = _BECOMES.get(one.what, status)
        if one.what != "raises":
            yield Snapshot(one.at, status, begin, priority=register, channel="email", digest=str(n))
        if random.random() < 0.2:
            yield _noise(random, one.at + timedelta(seconds=random.randrange(1, 1000)), n, has_person=has_person)


def _noise(random: Random, at: datetime, n: int, *, has_person: bool) -> Message:
    return random.choice(
        (
            Message(f"x{n}", at, Author.CUSTOMER if has_person else Author.BOT, "I am away.", auto_reply=True),
            Message(f"x{n}", at, Author.AGENT, "He is angry.", private=True),
            Message(f"x{n}", at, Author.AGENT, "We have your request.", auto_reply=True),
            Message(f"x{n}", at, Author.BOT, "Have you tried to switch it off and on?"),
            Message(f"x{n}", at, Author.OWN, "How did we do?"),
        )
    )
