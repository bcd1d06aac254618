"""Verbs as they are written: under the lock, with everything that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.builders import NOON
from tests.contract.desks import (
    ADA,
    BILLING,
    BOB,
    CHAT,
    SAID,
    Use,
    a_desk,
    acts,
    brought_to,
    created,
    names,
    record,
    snapshot,
    told,
)
from tests.contract.life import a_request, a_state
from worker.clock import ManualClock
from worker.desk import Desk
from worker.domain.facts import Person, Verb
from worker.domain.policy import Category
from worker.domain.ticket import Status
from worker.errors import CannotReply, Invalid, InvalidTransition, NotDone, NotFound
from worker.policy_file import load_policy
from worker.store import effects, people, tickets
from worker.store.database import Database
from worker.store.effect_rows import COLLECTING
from worker.wake import RecordingWaker

OPEN = {"triage", "assign", "escalate", "reply"}
LEGAL = {
    "new": OPEN,
    "triaged": OPEN,
    "in_progress": OPEN | {"resolve"},
    "pending_customer": OPEN | {"resolve"},
    "resolved": {"close", "reopen"},
    "closed": set(),
}


class TestEdges:
    @pytest.mark.parametrize("status", list(Status))
    def test_what_a_status_does_not_allow_is_refused_and_changes_nothing(
        self, desk: Desk, use: Use, status: Status
    ) -> None:
        ticket = brought_to(desk, use, status)
        before, log = record(desk, ticket), names(desk, ticket)
        assert before.status is status

        for verb in set(SAID) - {Verb(name) for name in LEGAL[status.value]}:
            with pytest.raises(InvalidTransition) as caught:
                use(ticket, verb)
            assert (caught.value.current, caught.value.verb) == (status, verb)

        assert (record(desk, ticket), names(desk, ticket)) == (before, log)

    @pytest.mark.parametrize(("status", "verb"), [(s, v) for s, verbs in LEGAL.items() for v in sorted(verbs)])
    def test_what_it_allows_is_done(self, desk: Desk, use: Use, status: str, verb: str) -> None:
        ticket = brought_to(desk, use, Status(status))

        done = use(ticket, Verb(verb))

        assert done.is_new
        assert done.ticket.ticket == record(desk, ticket)
        assert f"act:{done.act.id}" in record(desk, ticket).acts
        assert names(desk, ticket).count("ticket.acted") == acts(desk)

    def test_an_unknown_ticket_is_not_found(self, desk: Desk, use: Use) -> None:
        with pytest.raises(NotFound, match="There is no ticket t99"):
            use(99, Verb.REOPEN)


class TestWhatFollows:
    def test_a_whole_life(self, desk: Desk, use: Use) -> None:
        ticket = created(desk, priority="urgent", category="billing", tags=("vip",), channel="crm")

        assigned = use(ticket, Verb.ASSIGN, agent="Ada", team="billing").ticket.ticket
        use(ticket, Verb.REPLY, text="Which parcel?")
        resolved = use(ticket, Verb.RESOLVE, text="Sent again.").ticket.ticket
        closed = use(ticket, Verb.CLOSE, reason="they called").ticket.ticket

        assert assigned is not None and resolved is not None and closed is not None
        assert (assigned.priority, assigned.category, assigned.tags, assigned.channel) == (
            "urgent", "billing", ("vip",), "crm",
        )  # fmt: skip
        assert (assigned.assignee, assigned.assignee_by, assigned.team) == (ADA, "operator", BILLING)
        assert (resolved.status, resolved.resolution_text) == (Status.RESOLVED, "Sent again.")
        assert (closed.status, closed.closed_by) == (Status.CLOSED, "agent")
        assert [edge.after.value for edge in closed.edges] == [
            "triaged", "in_progress", "pending_customer", "resolved", "closed",
        ]  # fmt: skip

    def test_the_event_names_the_actor_and_the_cause(self, desk: Desk, use: Use) -> None:
        ticket = created(desk)

        use(ticket, Verb.ASSIGN, reason="she knows it")

        (event,) = [e for e in tickets.events_of(desk.db, ticket) if e.data.get("verb") == "assign"]
        assert (event.reason, event.cause) == ("assign by anna: to Ada; she knows it", "by:anna")

    def test_effects_are_asked_for_and_woken(self, desk: Desk, use: Use) -> None:
        ticket = told(desk, CHAT, snapshot("open", 0))

        done = use(ticket, Verb.ASSIGN)

        (asked,) = [e for e in effects.list_effects(desk.db, ticket=ticket) if e.decision == f"act:{done.act.id}"]
        assert (asked.kind.value, asked.payload["agent_id"], asked.state) == ("assign_agent", "1", "pending")
        assert isinstance(desk.wake, RecordingWaker)
        assert ("effects", (asked.id,)) in desk.wake.woken

    def test_an_assignment_counts_for_routing(self, desk: Desk, use: Use) -> None:
        use(created(desk), Verb.ASSIGN)

        with desk.db.read() as conn:
            ada, bob = people.roster(conn, lock=False).agents
        assert (ada.open_tickets, bob.open_tickets) == (1, 0)
        assert ada.idle_since == NOON + timedelta(seconds=1)

    def test_an_act_is_about_the_ticket_as_it_stands_also_when_the_source_is_ahead_of_us(
        self, desk: Desk, use: Use
    ) -> None:
        ticket = told(desk, CHAT, snapshot("open", 30, assignee=BOB))

        done = use(ticket, Verb.ASSIGN)

        assert done.act.at == NOON + timedelta(seconds=30, microseconds=1)
        assert record(desk, ticket).assignee == ADA

    def test_but_not_when_its_clock_cannot_be_right(self, desk: Desk, use: Use) -> None:
        ticket = told(desk, CHAT, snapshot("open", 86_400))

        assert use(ticket, Verb.TRIAGE).act.at == NOON + timedelta(seconds=1)

    def test_what_is_not_well_said_changes_nothing(self, desk: Desk, use: Use) -> None:
        ticket = created(desk)

        with pytest.raises(Invalid) as caught:
            use(ticket, Verb.ASSIGN, agent="Adda", team="biling")

        assert caught.value.mistakes == {
            "agent": "there is no agent 'Adda'; did you mean Ada?",
            "team": "there is no team 'biling'; did you mean billing?",
        }
        assert acts(desk) == 1

    @pytest.mark.parametrize(
        ("source", "given"), [("api", {"requester": Person(None, "Lena")}), ("chatwoot", {"can_reply": False})]
    )
    def test_nobody_is_written_to_who_cannot_be_reached(
        self, desk: Desk, use: Use, source: str, given: dict[str, Any]
    ) -> None:
        ticket = created(desk, **given) if source == "api" else told(desk, CHAT, snapshot("open", 0, **given))

        with pytest.raises(CannotReply):
            use(ticket, Verb.REPLY)


class TestSkew:
    """The source's clock is ahead of ours, by less than a minute."""

    @pytest.fixture
    def ticket(self, desk: Desk, clock: ManualClock) -> int:
        """Forty seconds before its first deadline, with a change that seems to be fifty seconds ahead."""
        ticket = told(desk, CHAT, a_state(0), a_request(0))
        deadline = min(one.deadline_at for one in record(desk, ticket).clocks)
        clock.advance(deadline - clock.now() - timedelta(seconds=40))
        ahead = clock.now() + timedelta(seconds=50) - NOON
        return told(desk, CHAT, a_state(ahead / timedelta(minutes=1), labels=("x",)))

    def test_a_verb_breaches_no_promise_early(self, desk: Desk, use: Use, ticket: int) -> None:
        use(ticket, Verb.TRIAGE, category="billing")

        assert record(desk, ticket).category == "billing"
        assert [clock.breached_at for clock in record(desk, ticket).clocks if clock.breached_at] == []

    def test_an_escalation_takes_effect_at_once(self, desk: Desk, use: Use, clock: ManualClock, ticket: int) -> None:
        use(ticket, Verb.ESCALATE)

        assert "ticket.escalated" in names(desk, ticket)
        latest = max(one.next_at for one in effects.list_effects(desk.db, ticket=ticket))
        assert latest <= clock.now() + COLLECTING


class TestDone:
    @pytest.fixture
    def desk(self, db: Database) -> Desk:
        policy = load_policy(None)
        return a_desk(db, policy=replace(policy, categories=(Category("other", "Other", done=("label:checked",)),)))

    @pytest.fixture
    def resolved(self, desk: Desk, use: Use) -> int:
        ticket = told(desk, CHAT, snapshot("resolved", 0))
        assert record(desk, ticket).status is Status.RESOLVED
        return ticket

    def test_what_is_missing_is_told_and_nothing_is_stored(self, desk: Desk, use: Use, resolved: int) -> None:
        with pytest.raises(NotDone) as caught:
            use(resolved, Verb.CLOSE)

        assert len(caught.value.missing) == 2
        assert "the label checked is not set" in caught.value.missing
        assert record(desk, resolved).status is Status.RESOLVED
        assert acts(desk) == 0

    def test_it_may_come_with_the_close(self, desk: Desk, use: Use, resolved: int) -> None:
        done = use(resolved, Verb.CLOSE, text="Sent again.", tags=("checked",))

        assert done.ticket.ticket is not None
        assert (done.ticket.ticket.status, done.ticket.ticket.resolution_text) == (Status.CLOSED, "Sent again.")

    def test_an_automatic_close_is_only_a_proposal(self, desk: Desk, use: Use, resolved: int) -> None:
        done = use(resolved, Verb.CLOSE, automatic=True, actor="bot", reason="quiet")

        assert done.ticket.ticket is not None
        assert done.ticket.ticket.status is Status.RESOLVED
        assert done.ticket.ticket.proposed_close == "bot: quiet"
