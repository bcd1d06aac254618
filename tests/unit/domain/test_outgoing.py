"""What other systems are told of a decision: which events, to whom, under which keys, and how much of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from tests.builders import BILLING, KEY, LENA, MAYA, T0, a_message, a_policy, a_reply, a_snapshot, an_answer, at
from tests.unit.domain.deciding import NEW, decided
from worker.domain.bounded import LONGEST_LINE, LONGEST_TEXT, MOST_ITEMS, line, text, value
from worker.domain.effects import EffectKind
from worker.domain.facts import Person
from worker.domain.outcome import is_wanted
from worker.domain.outgoing import OFFERED, outgoing
from worker.domain.policy import Target
from worker.domain.ticket import Event, Status, Ticket

CRM = Target("crm", "https://crm.example.com/hooks")
MONEY = Target("billing", "https://billing.example.com/hooks", events=("ticket.resolved", "csat.answered"))
POLICY = a_policy(targets=(CRM, MONEY))
RESOLVED = (*NEW, a_reply(5), a_snapshot(6, "resolved", assignee=MAYA, team=BILLING))


def told(decision, target="crm"):
    """The types of the events for one target, in order."""
    sent = [effect for effect in decision.effects if effect.kind is EffectKind.EVENT]
    return [effect.payload["type"] for effect in sent if effect.payload["target"] == target]


def payload(decision, kind):
    return next(e.payload for e in decision.effects if e.kind is EffectKind.EVENT and e.payload["type"] == kind)


def a_ticket(**given):
    return Ticket(**{"key": KEY, "created_at": T0, "updated_at": T0, "status": Status.TRIAGED, **given})


def an_event(name="ticket.resolved", **data):
    return Event(name, "resolution:1", T0, "intake", "because", data)


class TestWhichEvents:
    def test_a_target_hears_what_is_offered_in_the_order_it_happened(self) -> None:
        decision = decided(*RESOLVED, now=at(7), policy=POLICY)

        sent = told(decision)
        assert sent[0] == "ticket.created"
        assert "ticket.resolved" in sent
        assert not {"ticket.categorised", "ticket.prioritised", "ticket.status_changed", "sla.started"} & set(sent)

    def test_one_that_names_events_hears_only_those(self) -> None:
        decision = decided(*RESOLVED, now=at(7), policy=POLICY)

        assert told(decision, "billing") == ["ticket.resolved"]

    def test_without_targets_nothing_is_told(self) -> None:
        assert told(decided(*RESOLVED, now=at(7))) == []

    def test_what_was_told_before_is_not_told_again(self) -> None:
        before = decided(*RESOLVED, now=at(7), policy=POLICY).ticket

        later = decided(*RESOLVED, an_answer(8, 5), before=before, now=at(9), policy=POLICY)

        assert told(later) == ["csat.answered"]

    def test_a_reopening_is_told(self) -> None:
        before = decided(*RESOLVED, now=at(7), policy=POLICY).ticket

        later = decided(*RESOLVED, a_message(8), before=before, now=at(8), policy=POLICY)

        assert "ticket.reopened" in told(later)

    def test_a_breach_is_told_at_its_time(self) -> None:
        before = decided(*NEW, now=at(0), policy=POLICY).ticket

        later = decided(*NEW, before=before, now=at(60), policy=POLICY)

        sent = payload(later, "sla.breached")
        assert (sent["at"], sent["data"]["clock"]) == (at(60).isoformat(), "first_response:1")

    @pytest.mark.parametrize("name", OFFERED)
    def test_each_offered_event_has_its_documented_data(self, name: str) -> None:
        (effect,) = outgoing(a_ticket(), [an_event(name)], [CRM])

        assert set(effect.payload["data"]) == {"ticket", "reason", *OFFERED[name].fields}
        assert effect.payload["type"] == name


class TestKeys:
    def test_they_name_target_event_and_key(self) -> None:
        (effect,) = outgoing(a_ticket(), [an_event()], [CRM])

        assert effect.decision == "crm:ticket.resolved:resolution:1"
        assert effect.lane == "event:crm"

    def test_two_targets_are_two_effects(self) -> None:
        effects = list(outgoing(a_ticket(), [an_event()], [CRM, MONEY]))

        assert [effect.decision for effect in effects] == [
            "crm:ticket.resolved:resolution:1",
            "billing:ticket.resolved:resolution:1",
        ]


class TestData:
    def test_it_is_enough_to_act_on_without_asking_back(self) -> None:
        ticket = a_ticket(
            subject="Charged twice", requester=LENA, assignee=MAYA, team=BILLING, organization="Fischer GmbH",
            tags=("vip",), resolution_text="Refunded.", category="billing", channel="email", closed_at=at(9),
        )  # fmt: skip

        (effect,) = outgoing(ticket, [an_event(resolution=1, secret="no")], [CRM])

        assert effect.payload == {
            "target": "crm",
            "type": "ticket.resolved",
            "at": T0.isoformat(),
            "data": {
                "ticket": {
                    "source": "chatwoot", "external_id": "1/312", "generation": 1, "subject": "Charged twice",
                    "status": "triaged", "priority": "medium", "category": "billing", "channel": "email",
                    "requester": {"id": "41", "name": "Lena Fischer", "email": "lena@customer.example"},
                    "organization": "Fischer GmbH", "assignee": {"id": "7", "name": "Maya Ortiz"},
                    "team": {"id": "2", "name": "billing"}, "tags": ["vip"], "reopen_count": 0,
                    "created_at": T0.isoformat(), "updated_at": T0.isoformat(), "closed_at": at(9).isoformat(),
                },
                "reason": "because",
                "resolution": 1,
                "text": "Refunded.",
            },
        }  # fmt: skip

    def test_an_answer_comes_with_the_customers_words(self) -> None:
        ticket = a_ticket(answers=(("9013", 5, "Thank you!"),))

        (effect,) = outgoing(ticket, [an_event("csat.answered", survey="9013", rating=5, via="chatwoot")], [CRM])

        assert effect.payload["data"]["feedback"] == "Thank you!"

    def test_but_never_with_those_of_another_answer(self) -> None:
        ticket = a_ticket(answers=(("9013", 2, "Changed my mind."),))

        (effect,) = outgoing(ticket, [an_event("csat.answered", survey="9013", rating=5)], [CRM])

        assert effect.payload["data"]["feedback"] == ""

    @pytest.mark.parametrize("name", OFFERED)
    def test_whatever_customers_write_it_fits_a_webhook(self, name: str) -> None:
        huge, big = "\U0001f600" * 5000, Person("7" * 5000, "\U0001f600" * 5000, "x" * 5000)
        ticket = a_ticket(
            subject=huge, requester=big, assignee=big, team=big, organization=huge, tags=(huge,) * 500,
            resolution_text=huge, answers=(("1", 5, huge),), channel=huge, category=huge,
        )  # fmt: skip
        event = replace(an_event(name, survey="1", rating=5, missing=[huge] * 99), reason=huge)

        (effect,) = outgoing(ticket, [event], [CRM])

        assert len(json.dumps(effect.payload["data"], ensure_ascii=False).encode()) <= 19_000
        assert effect.payload["data"]["ticket"]["subject"].startswith("\U0001f600" * 50)


class TestBounded:
    def test_the_numbers(self) -> None:
        assert (LONGEST_LINE, LONGEST_TEXT, MOST_ITEMS) == (200, 1000, 20)
        assert (len(text("x" * 1001)), len(value("x" * 201)), len(value(["x"] * 21))) == (1000, 200, 20)

    def test_it_goes_into_what_is_nested(self) -> None:
        assert value({"a": [{"b": "x" * 300}], "n": 7, "none": None}) == {"a": [{"b": "x" * 200}], "n": 7, "none": None}

    def test_it_takes_out_what_only_harms(self) -> None:
        assert text("a\0b\x1b[2J\ud800\x85 \tc\r\nd 👩‍🚀") == "a\ufffdb\ufffd[2J\ufffd\ufffd \tc\nd 👩‍🚀"
        assert line(" a\r\n b\tc ") == "a b c"
        assert line("x" * 500) == "x" * 200


class TestWanted:
    def breach(self, ticket: Ticket) -> str | None:
        clock = next(clock for clock in ticket.clocks if clock.key == "first_response:1")
        data = {"clock": clock.key, "breached_at": at(60).isoformat()}
        payload = {"target": "crm", "type": "sla.breached", "data": data}
        return is_wanted("event", "crm:sla.breached:x", payload, ticket)

    def test_a_breach_that_was_taken_back_is_not_told(self) -> None:
        breached = decided(*NEW, now=at(61)).ticket
        withdrawn = decided(*NEW, a_reply(59), now=at(61)).ticket

        assert self.breach(breached) is None
        assert self.breach(withdrawn) == "breach_withdrawn"

    @pytest.mark.parametrize("name", sorted(set(OFFERED) - {"sla.breached"}))
    def test_what_has_happened_stays_worth_telling(self, name: str) -> None:
        ticket = a_ticket(status=Status.CLOSED)

        assert is_wanted("event", "x", {"target": "crm", "type": name, "data": {}}, ticket) is None

    def test_times_are_iso_with_their_zone(self) -> None:
        (effect,) = outgoing(a_ticket(), [an_event()], [CRM])

        assert datetime.fromisoformat(effect.payload["at"]).utcoffset() is not None
