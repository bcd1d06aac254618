"""What somebody asks us to do to a ticket, in their own words, and the checked act that it becomes.

The API and the command line both ask this way, so that the same words mean the same and are refused alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from worker.domain.facts import Act, Person, Verb
from worker.domain.fields import read, written
from worker.domain.groups import priority_of
from worker.domain.policy import FieldRule, Policy
from worker.domain.routing import Roster
from worker.errors import Invalid
from worker.intake.reading import clean, one_line

T = TypeVar("T")

LONGEST: Mapping[str, int] = {
    "actor": 120, "key": 150, "text": 10_000, "reason": 1000, "agent": 320, "team": 200, "subject": 500,
    "category": 60, "priority": 20, "channel": 40, "tag": 60, "name": 200, "email": 320, "field": 200,
}  # fmt: skip
MOST_TAGS = MOST_FIELDS = 50
_KINDS = {
    "text": "a text of at most 200 characters",
    "whole": "a whole number",
    "date": "a date like 2026-06-18",
    "flag": "true or false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One verb and everything that may be said with it; empty means not said.

    `key` is the caller's idempotency key: without one every use is an act of its own. `agent` and `team` are an id, a
    name or an e-mail address, as people write them. `text` is the request, the reply or the resolution.
    """

    verb: Verb
    actor: str
    key: str = ""
    automatic: bool = False
    text: str = ""
    reason: str = ""
    agent: str = ""
    team: str = ""
    subject: str = ""
    category: str = ""
    priority: str = ""
    channel: str = ""
    internal: bool | None = None
    tags: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    requester: Person | None = None

    @property
    def digest(self) -> str:
        """The same for the same wish of the same actor, whatever its key."""
        said = repr([getattr(self, each.name) for each in fields(self) if each.name != "key"])
        return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


_NEEDED: Mapping[Verb, tuple[tuple[str, ...], str]] = {
    Verb.CREATE: (("subject", "text"), "say what it is about, in a subject or a description"),
    Verb.TRIAGE: (
        ("category", "priority", "subject", "tags", "fields", "internal"),
        "say what to set: category, priority, subject, tags, fields or internal",
    ),
    Verb.ASSIGN: (("agent", "team"), "say to whom: an agent, a team or both"),
    Verb.ESCALATE: (("reason",), "say why it is escalated"),
    Verb.REPLY: (("text",), "write the reply"),
}
"""Of these at least one must be given."""


def act_of(asked: Instruction, *, act_id: str, at: datetime, policy: Policy, roster: Callable[[], Roster]) -> Act:
    """The act, with agent, team and all words resolved. Raises Invalid with every mistake at once."""
    said = _cleaned(asked)
    mistakes = {**_too_long(said), **_missing(said)}
    known = roster() if said.agent or said.team else Roster((), (), None)
    agents = [one.person for one in known.agents]
    agent = _meant(mistakes, "agent", said.agent, lambda word: one_of(word, agents, "agent"))
    team = _meant(mistakes, "team", said.team, lambda word: one_of(word, known.teams, "team"))
    category = _meant(mistakes, "category", said.category, lambda word: _category(word, policy))
    priority = _meant(mistakes, "priority", said.priority, priority_of)
    values = _fields(mistakes, said.fields, policy.fields)
    if mistakes:
        raise Invalid(mistakes)
    return Act(
        id=act_id, at=at, verb=said.verb, actor=said.actor, automatic=said.automatic, text=said.text,
        reason=said.reason, agent=agent, team=team, subject=said.subject, category=category or "",
        priority=priority or "", channel=said.channel, internal=said.internal, tags=said.tags, fields=values,
        requester=said.requester, digest=asked.digest,
    )  # fmt: skip


def _meant(mistakes: dict[str, str], field: str, word: str, means: Callable[[str], T]) -> T | None:
    """What a word means; None when it was not said, and, with a mistake noted, when it means nothing."""
    if not word:
        return None
    try:
        return means(word)
    except ValueError as exc:
        mistakes.setdefault(field, str(exc))
        return None


def _cleaned(asked: Instruction) -> Instruction:
    """Without what no store keeps and no terminal should see; cut nowhere, so that what is too long is noticed."""

    def line(value: str) -> str:
        return one_line(value, limit=len(value))

    who = asked.requester
    return replace(
        asked,
        actor=line(asked.actor),
        text=clean(asked.text).strip(),
        reason=line(asked.reason),
        agent=line(asked.agent),
        team=line(asked.team),
        subject=line(asked.subject),
        category=line(asked.category),
        channel=line(asked.channel),
        tags=tuple(dict.fromkeys(tag for each in asked.tags if (tag := line(each)))),
        fields=tuple((line(name), line(value)) for name, value in asked.fields),
        requester=None if who is None else Person(who.id, line(who.name), line(who.email or "") or None),
    )


def _too_long(said: Instruction) -> dict[str, str]:
    lengths = {name: len(getattr(said, name)) for name in LONGEST if hasattr(said, name)}
    found = {name: f"at most {LONGEST[name]} characters" for name, size in lengths.items() if size > LONGEST[name]}
    if len(said.tags) > MOST_TAGS or any(len(tag) > LONGEST["tag"] for tag in said.tags):
        found["tags"] = f"at most {MOST_TAGS} tags of at most {LONGEST['tag']} characters each"
    who = said.requester
    if who is not None and len(who.name) > LONGEST["name"]:
        found["requester.name"] = f"at most {LONGEST['name']} characters"
    if who is not None and who.email and (len(who.email) > LONGEST["email"] or not _is_address(who.email)):
        found["requester.email"] = "an address like lena@customer.example"
    return found


def _missing(said: Instruction) -> dict[str, str]:
    names, words = _NEEDED.get(said.verb, ((), ""))
    found: dict[str, str] = {}
    if names and all(getattr(said, name) in ("", (), None) for name in names):
        found |= dict.fromkeys(names, words)
    who = said.requester
    if said.verb is Verb.CREATE and (who is None or not (who.name or who.email)):
        found["requester"] = "say who asks: a name or an e-mail address"
    return found


def _is_address(value: str) -> bool:
    name, _, domain = value.rpartition("@")
    return bool(name) and bool(domain) and not any(char.isspace() or char in "<>,;" for char in value)


def one_of(wanted: str, known: Sequence[Person], what: str) -> Person:
    """By id, else by e-mail address, else by name. ValueError for nobody and for several."""
    word = wanted.casefold()
    by_id = [one for one in known if one.id == wanted]
    by_email = [one for one in known if one.email is not None and one.email.casefold() == word]
    found = by_id or by_email or [one for one in known if one.name.casefold() == word]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"several are called {wanted}; use an id: {', '.join(f'{one.id}' for one in found)}")
    if not known:
        raise ValueError(f"no {what} is known yet: the list of agents and teams has not been read from the source")
    raise ValueError(f"there is no {what} {wanted!r}; {_near(wanted, [one.name for one in known])}")


def _near(wanted: str, known: Iterable[str]) -> str:
    names = {name.casefold(): name for name in known}
    near = [names[each] for each in difflib.get_close_matches(wanted.casefold(), list(names), n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(names.values())[:20])}"


def _category(wanted: str, policy: Policy) -> str:
    names = {each.name.casefold(): each.name for each in policy.categories}
    found = names.get(wanted.casefold())
    if found is None:
        raise ValueError(f"there is no category {wanted!r}; {_near(wanted, names.values())}")
    return found


def _fields(
    mistakes: dict[str, str], said: tuple[tuple[str, str], ...], rules: tuple[FieldRule, ...]
) -> tuple[tuple[str, str], ...]:
    """The values as they are understood; what is wrong with the others is noted."""
    known, found = {rule.name: rule for rule in rules}, []
    for name, text in said:
        rule = known.get(name)
        value = read(rule, text) if rule is not None else None
        if rule is None:
            suggestion = _near(name, known) if known else "the policy has no [[fields]]"
            mistakes[f"fields.{name}"] = f"there is no field {name!r}; {suggestion}"
        elif value is None:
            mistakes[f"fields.{name}"] = f"expected {_KINDS.get(rule.kind) or 'one of ' + ', '.join(rule.values)}"
        else:
            found.append((name, written(value)))
    return tuple(found)
