"""The query of the list: filters in people's words, and where to go on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.domain.facts import Person
from worker.domain.groups import plain, priority_of, statuses_of
from worker.domain.routing import Roster
from worker.errors import Invalid
from worker.instruction import one_of
from worker.store.ticket_search import Filter

MOST = 200
DEFAULT = 50
_NOBODY = ("none", "nobody", "unassigned")
_CURSOR = re.compile(r"t([1-9]\d{0,18})")
_LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query, as OpenAPI tells it."""

    name: str
    about: str
    schema: Mapping[str, Any]


PARAMETERS = (
    Parameter("status", "Statuses, or the groups open (new, triaged, in_progress), waiting (pending_customer) and done "
              "(resolved, closed); comma separated, in any case, with - or _ or a space. `state` is the same.",
              {"type": "string", "examples": ["open", "In-Progress", "pending,resolved"]}),
    Parameter("state", "Another name of `status`.", {"type": "string"}),
    Parameter("priority", "low, medium, high, urgent; comma separated; also normal and critical.", {"type": "string"}),
    Parameter("category", "One category of the policy.", {"type": "string"}),
    Parameter("team", "A team by id or name.", {"type": "string"}),
    Parameter("assignee", "An agent by id, e-mail address or name; `none` for what nobody has.", {"type": "string"}),
    Parameter("q", "Words in the subject or the requester's address, or a whole external id.",
              {"type": "string", "maxLength": 200}),
    Parameter("limit", f"At most so many; {DEFAULT} unless said. Like all of these it may be left empty.",
              {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, {"const": ""}], "default": DEFAULT}),
    Parameter("cursor", "`next` of the answer before, to go on from there.", {"type": "string"}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Which tickets, and which part of them."""

    wanted: Filter
    limit: int
    before: int | None


def page_of(given: Mapping[str, Sequence[str]], roster: Callable[[], Roster]) -> Page:
    """What the query asks for. Raises Invalid with every mistake; the roster is asked only for names."""
    mistakes = {name[:60]: "is not known here" for name in given.keys() - {one.name for one in PARAMETERS}}

    def read(name: str, meaning: Callable[[str], Any], default: Any) -> Any:
        values = [value for value in given.get(name, ()) if value.strip()]
        if not values:
            return default
        try:
            if len(values) > 1:
                raise ValueError("is there twice; separate several values with commas")
            return meaning(values[0].strip())
        except ValueError as exc:
            mistakes[name] = str(exc)
            return default

    statuses = (*read("status", _statuses, ()), *read("state", _statuses, ()))
    wanted = Filter(
        statuses=statuses,
        priorities=read("priority", lambda words: tuple(priority_of(word) for word in _each(words)), ()),
        category=read("category", str, None),
        team_id=read("team", lambda word: _id(word, roster, "team"), None),
        assignee_id=read("assignee", lambda word: _id(word, roster, "agent"), None),
        text=read("q", _text, ""),
    )
    page = Page(wanted, read("limit", _limit, DEFAULT), read("cursor", _cursor, None))
    if mistakes:
        raise Invalid(dict(sorted(mistakes.items())))
    return page


def cursor_of(ticket_id: int) -> str:
    """Where the next page goes on."""
    return f"t{ticket_id}"


def _statuses(words: str) -> tuple[Any, ...]:
    return statuses_of(_each(words))


def _each(words: str) -> list[str]:
    return [word for word in words.split(",") if word.strip()]


def _id(word: str, roster: Callable[[], Roster], what: str) -> str:
    """An id as it is, also of somebody who has left; else whoever is called so."""
    if what == "agent" and plain(word) in _NOBODY:
        return ""
    if word.isascii() and word.isdigit():
        return word
    known = roster()
    people: Sequence[Person] = known.teams if what == "team" else [one.person for one in known.agents]
    return str(one_of(word, people, what).id)


def _text(words: str) -> str:
    if len(words) > 200:
        raise ValueError("at most 200 characters")
    return words


def _limit(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 6 and 1 <= int(word) <= MOST):
        raise ValueError(f"write a whole number from 1 to {MOST}")
    return int(word)


def _cursor(word: str) -> int:
    match = _CURSOR.fullmatch(word)
    if match is None or int(match[1]) > _LAST_ID:
        raise ValueError("this is not the `next` of an earlier answer")
    return int(match[1])
