"""Who asks: new or returning, and which customer they belong to. Decided once per contact, and kept as a fact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.facts import Act, Author, Fact, Matched, Message, Person, Snapshot
from worker.domain.reading import language_of, organization_of
from worker.domain.ticket import Event, Ticket
from worker.domain.view import NOTHING, View, Wants
from worker.domain.wording import label, when

MOST_EARLIER = 1000
"""Earlier tickets are counted up to here; a program that writes all day has more, and nobody needs the number."""

_IDS_OF = "chatwoot"
"""Whose ids persons have: no other source gives its people numbers."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A requester as the facts of one ticket name them."""

    person: Person
    at: datetime  # the first fact
    organization: str = ""  # as the source says
    language: str = ""

    @property
    def identities(self) -> tuple[str, ...]:
        """The names they go under, the one that holds in every source first: `email:…`, `chatwoot:41`."""
        email = f"email:{self.person.email.strip().lower()}" if self.person.email else ""
        number = f"{_IDS_OF}:{self.person.id}" if self.person.id else ""
        return tuple(each for each in (email, number) if each)


def wants(view: View) -> Wants:
    """The match, as soon as there is a requester to match; another requester later is matched anew."""
    ticket = view.ticket
    if not _is_due(view.before, ticket):
        return NOTHING
    matched = view.known.matched(ticket)
    if matched is None or (ticket.matched is not None and ticket.matched.key == matched.key):
        return NOTHING
    data = {
        "contact": matched.contact,
        "organization": matched.organization,
        "tier": matched.tier,
        "earlier": matched.earlier,
        "last_ticket": matched.last_ticket,
    }
    event = Event("requester.matched", matched.key, view.now, "intake", _told(ticket, matched), data)
    return Wants(facts=(matched,), events=(event,), view=_after(view, matched))


def due_sighting(before: Ticket | None, facts: Iterable[Fact]) -> Sighting | None:
    """The requester to be matched, if that is due; cheap, as it is asked of every ticket before its facts are told."""
    seen = sighting_of(facts)
    if seen is None or before is None or before.matched is None:
        return seen
    is_news = seen.person != before.requester or (seen.organization and not before.organization)
    return seen if is_news else None


def sighting_of(facts: Iterable[Fact]) -> Sighting | None:
    """The same requester that the fold finds in these facts, given in order of time; None without one, or without any
    name to know them by again."""
    told = tuple(facts)
    acts = [fact for fact in told if isinstance(fact, Act)]
    shots = [fact for fact in told if isinstance(fact, Snapshot)]
    messages = [fact for fact in told if isinstance(fact, Message)]
    asked = [one for one in messages if one.author is Author.CUSTOMER and not one.private and not one.auto_reply]
    person = next((act.requester for act in reversed(acts) if act.requester is not None), None)
    person = person or next((shot.requester for shot in reversed(shots) if shot.requester is not None), None)
    person = person or next((one.by for one in asked or messages if one.by is not None), None)
    if person is None:
        return None
    language = next((shot.language for shot in reversed(shots) if shot.language), "")
    seen = Sighting(
        person=person,
        at=told[0].at,
        organization=next((shot.organization for shot in reversed(shots) if shot.organization), ""),
        language=language or next((one.language for one in reversed(asked) if one.language), ""),
    )
    return seen if seen.identities else None


def _is_due(before: Ticket | None, ticket: Ticket) -> bool:
    """Whether nobody was matched yet, or the source now names another requester, or tells their organisation."""
    if ticket.requester is None:
        return False
    if ticket.matched is None:
        return True
    if before is None:
        return False
    return before.requester != ticket.requester or bool(ticket.organization and not before.organization)


def _after(view: View, matched: Matched) -> View | None:
    """The view with the match, without a second fold where the match moves nothing that others hang on: every new
    ticket passes here. None: fold it."""
    story, ticket = view.story, view.ticket
    moves_tier = bool(matched.tier) and ticket.tier is None
    if moves_tier or story.matched is not None or matched.at < story.created_at:
        return None
    story = replace(story, matched=matched, updated_at=max(story.updated_at, matched.at))
    ticket = replace(
        ticket,
        matched=matched,
        organization=organization_of(story),
        language=language_of(story),
        updated_at=story.updated_at,
    )
    return replace(view, facts=(*view.facts, matched), story=story, ticket=ticket)


def _told(ticket: Ticket, matched: Matched) -> str:
    who = label(ticket.requester)
    if matched.organization:
        who += f" of {matched.organization}" + (f" (tier {matched.tier})" if matched.tier else "")
    if not matched.earlier:
        return f"{who} writes for the first time"
    count = f"{MOST_EARLIER} or more" if matched.earlier >= MOST_EARLIER else str(matched.earlier)
    last = f", the last one t{matched.last_ticket} of {when(matched.last_at)}" if matched.last_ticket else ""
    return f"{who} has written before: {count} ticket{'' if matched.earlier == 1 else 's'}{last}"
