"""What customers and agents do in a run: one endless list of steps per seed, the same in every run of that seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CUSTOMERS = 400
AGENTS = (7, 8, 9, 10)
LABELS = ("refund", "outage", "how-to", "vip", "bug")
PLANS = (None, None, "gold", "enterprise")
OPENINGS = (
    "Our shop is completely down since ten minutes, urgent!",
    "I was charged twice, please look at my invoice",
    "How do I export my contacts?",
    "The app crashes when I open a report",
    "I cannot log in, two-factor code never arrives",
    "Where is my parcel? The tracking page says nothing",
    "It would be great if the calendar had weeks",
    "Hello, somebody there?",
)
WORDS = ("Any news?", "It still does not work", "Here is the number you asked for: 4711", "Are you looking into it?")
ANSWERS = (
    "We are on it.",
    "Could you send a screenshot?",
    "That should be fixed by now.",
    "Let me check with billing.",
)
STEPS_OF_A_CONVERSATION = 12
OPEN_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One thing somebody does: `conversation` counts from 1 in the order they are opened."""

    kind: str
    conversation: int
    detail: dict[str, Any]


@dataclass(slots=True)
class _Talk:
    number: int
    status: str = "open"
    steps: int = 0
    messages: int = 0


def steps(seed: int) -> Iterator[Step]:
    """Without end: conversations are opened, talked in, labelled, snoozed, resolved, opened again and left alone."""
    chance = random.Random(f"desk {seed}")
    talks: list[_Talk] = []
    opened = 0
    while True:
        if len(talks) < 3 or (len(talks) < OPEN_AT_ONCE and chance.random() < 0.15):
            opened += 1
            talks.append(_Talk(opened))
            yield _opening(chance, opened)
            continue
        talk = chance.choice(talks)
        talk.steps += 1
        if talk.steps > STEPS_OF_A_CONVERSATION:
            talks.remove(talk)
            if talk.status != "resolved":
                yield Step("status", talk.number, {"status": "resolved"})
        else:
            yield _next(chance, talk)


def _opening(chance: random.Random, number: int) -> Step:
    who = chance.randrange(CUSTOMERS)
    text = f"{chance.choice(OPENINGS)} [{number}.0]"
    person = {"name": f"Customer {who}", "email": f"c{who}@customer.example", "plan": PLANS[who % len(PLANS)]}
    return Step("open", number, {**person, "text": text})


def _next(chance: random.Random, talk: _Talk) -> Step:
    kinds = {"customer": 6, "reply": 6, "note": 1, "labels": 2, "assign": 1, "status": 4, "unassign": 1}
    kind = chance.choices(list(kinds), weights=list(kinds.values()))[0]
    match kind:
        case "customer" | "reply" | "note":
            talk.messages += 1
            words = chance.choice(WORDS if kind == "customer" else ANSWERS)
            if kind == "customer" and talk.status in {"resolved", "snoozed"}:
                talk.status = "open"
            detail = {"text": f"{words} [{talk.number}.{talk.messages}]", "agent": chance.choice(AGENTS)}
        case "labels":
            detail = {"labels": sorted(chance.sample(LABELS, chance.randrange(1, 4)))}
        case "assign":
            detail = {"agent": chance.choice(AGENTS)}
        case "unassign":
            kind, detail = "assign", {"agent": None}
        case _:
            choices = {"open": ("resolved", "resolved", "snoozed"), "resolved": ("open",), "snoozed": ("open",)}
            talk.status = chance.choice(choices[talk.status])
            detail = {"status": talk.status}
    return Step(kind, talk.number, detail)
