"""Builders of domain values for tests: sensible defaults, everything can be overridden by keyword."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.facts import Answer, Author, Message, Person, Snapshot, TicketKey
from worker.domain.policy import Calendar, Category, CsatPolicy, Policy, RoutingRule, ScoreRule, SlaPolicy
from worker.domain.routing import Roster, RosterAgent

T0 = datetime(2026, 6, 18, 9, 0, tzinfo=UTC)  # a Thursday
KEY = TicketKey("chatwoot", "1/312")
LENA = Person("41", "Lena Fischer", "lena@customer.example")
MAYA = Person("7", "Maya Ortiz")
OLEG = Person("8", "Oleg Brandt")
BILLING = Person("2", "billing")
SUPPORT = Person("3", "support")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def at(number: float) -> datetime:
    """So many minutes after the beginning."""
    return T0 + minutes(number)


def a_message(minute: float = 0, **given: Any) -> Message:
    """A customer's text, unless told otherwise; the id follows from the minute."""
    defaults: dict[str, Any] = {
        "id": f"m{minute:g}",
        "at": at(minute),
        "author": Author.CUSTOMER,
        "text": "Where is my parcel?",
        "by": LENA,
    }
    return Message(**{**defaults, **given})


def a_reply(minute: float, **given: Any) -> Message:
    """A human agent's public answer."""
    return a_message(minute, **{"id": f"r{minute:g}", "author": Author.AGENT, "text": "On it.", "by": MAYA, **given})


def a_snapshot(minute: float = 0, status: str = "open", **given: Any) -> Snapshot:
    """The registers of an unassigned web chat."""
    defaults: dict[str, Any] = {
        "at": at(minute),
        "status": status,
        "created_at": T0,
        "requester": LENA,
        "channel": "web_widget",
    }
    return Snapshot(**{**defaults, **given})


def an_answer(minute: float, rating: int = 5, **given: Any) -> Answer:
    return Answer(**{"survey": "9013", "at": at(minute), "rating": rating, **given})


def a_policy(**given: Any) -> Policy:
    """Two teams, two categories, one SLA round the clock, a survey after ten minutes."""
    defaults: dict[str, Any] = {
        "version": "test",
        "categories": (
            Category("billing", "Money", words=("invoice", "refund"), labels=("billing",)),
            Category("shipping", "Orders", words=("parcel", "delivery"), labels=("shipping",)),
            Category("other", "Other"),
        ),
        "default_category": "other",
        "score_rules": (
            ScoreRule("urgent words", 50, words=("urgent", "down")),
            ScoreRule("gold customer", 25, tiers=("gold",)),
            ScoreRule("came back", 30, min_reopens=1),
        ),
        "routing": (
            RoutingRule("money to billing", team="billing", categories=("billing",)),
            RoutingRule("everything else", team="support"),
        ),
        "sla": (an_sla(),),
        "csat": CsatPolicy(),
    }
    return Policy(**{**defaults, **given})


def an_sla(**given: Any) -> SlaPolicy:
    defaults: dict[str, Any] = {
        "name": "standard",
        "calendar": Calendar(),
        "first_response": minutes(60),
        "next_response": minutes(120),
        "resolution": minutes(600),
    }
    return SlaPolicy(**{**defaults, **given})


def an_agent(person: Person = MAYA, **given: Any) -> RosterAgent:
    defaults: dict[str, Any] = {"person": person, "availability": "online", "team_ids": ("2", "3")}
    return RosterAgent(**{**defaults, **given})


def a_roster(*agents: RosterAgent, **given: Any) -> Roster:
    """Maya and Oleg online in both teams, fresh at the beginning."""
    known = agents or (an_agent(MAYA, open_tickets=2), an_agent(OLEG, open_tickets=5))
    return Roster(**{"agents": known, "teams": (BILLING, SUPPORT), "refreshed_at": T0, **given})
