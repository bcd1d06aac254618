import pytest

from tests.builders import (
    BILLING,
    KEY,
    MAYA,
    OLEG,
    SUPPORT,
    a_message,
    a_policy,
    a_reply,
    a_roster,
    a_snapshot,
    an_agent,
    an_answer,
    an_sla,
    at,
)
from tests.unit.domain.deciding import NEW, POLICY, decided, events, wishes
from worker.domain.facts import Act, Author, Person, Routed, Verb
from worker.domain.fold import fold
from worker.domain.ticket import Status, Timer


class TestNewTicket:
    def test_it_is_created_triaged_routed_and_timed(self):
        decision = decided(*NEW, now=at(1))

        assert decision.ticket.assignee == MAYA
        assert [event.name for event in decision.events] == [
            "ticket.created",
            "ticket.categorised",
            "ticket.prioritised",
            "ticket.status_changed",
            "ticket.routed",
            "ticket.assigned",
            "sla.started",
            "sla.started",
        ]
        assert decision.timers == (
            Timer("sla", "first_response:1", at(60)),
            Timer("warning", "first_response:1:50", at(30)),
            Timer("warning", "first_response:1:80", at(48)),
            Timer("sla", "resolution:1", at(600)),
            Timer("warning", "resolution:1:50", at(300)),
            Timer("warning", "resolution:1:80", at(480)),
        )

    def test_the_ticket_is_the_fold_of_the_facts_and_its_own(self):
        decision = decided(*NEW, now=at(1))

        assert [type(fact) for fact in decision.facts] == [Routed]
        assert decision.ticket == fold(KEY, [*decision.facts, *NEW], POLICY, as_of=at(1))

    def test_team_then_agent_then_the_note_that_says_why(self):
        decision = decided(*NEW, now=at(1))

        assert wishes(decision) == [
            ("assign_team", "routed:1"),
            ("assign_agent", "routed:1"),
            ("private_note", "routed:1"),
        ]
        assert decision.effects[0].payload == {"team_id": "2", "team": "billing"}
        assert decision.effects[1].payload == {"agent_id": "7", "agent": "Maya Ortiz"}
        note = decision.effects[2].payload["text"]
        for part in (
            "team billing, Maya Ortiz",
            "money to billing",
            "Category billing",
            "score 0",
            "2026-06-18 10:00:00",
        ):
            assert part in note

    def test_reasons_name_their_inputs(self):
        found = events(decided(*NEW, now=at(1)))

        assert "word invoice, refund" in found["ticket.categorised"].reason
        assert found["ticket.categorised"].data["category"] == "billing"
        assert found["ticket.routed"].data["candidates"][1] == {
            "agent": {"id": "8", "name": "Oleg Brandt"},
            "open_tickets": 5,
            "capacity": 20,
            "idle_since": None,
            "rejected": "",
            "skills": [],
            "away_since": None,
        }

    def test_a_category_that_a_person_set_is_theirs(self):
        first = decided(*NEW, now=at(1)).ticket
        set_by = Act("1", at(2), Verb.TRIAGE, "root", category="legal")

        told = events(decided(*NEW, set_by, before=first, now=at(2)))["ticket.categorised"]

        assert told.reason == "category legal: set by root"

    def test_without_a_roster_it_waits_in_the_teams_queue(self):
        decision = decided(*NEW, now=at(1), roster=None)

        assert (decision.ticket.assignee, decision.ticket.team) == (None, Person(None, "billing"))
        assert wishes(decision) == [("private_note", "routed:1")]

    def test_a_team_that_the_source_has_set_is_not_set_again(self):
        assigned = (a_snapshot(0, team=SUPPORT), NEW[1])

        assert wishes(decided(*assigned, now=at(1))) == [("assign_agent", "routed:1"), ("private_note", "routed:1")]

    @pytest.mark.parametrize(
        "facts",
        [
            (a_snapshot(0, assignee=OLEG),),
            (a_snapshot(0, "pending"), a_message(0, author=Author.BOT)),
            (a_snapshot(0), a_message(0, auto_reply=True)),
        ],
    )
    def test_assigned_bot_and_automatic_ones_are_not_routed(self, facts):
        decision = decided(*facts, now=at(1))

        assert (decision.ticket.routed, decision.effects, decision.facts) == (None, (), ())


class TestLater:
    first = decided(*NEW, now=at(1))
    known = (*NEW, *first.facts)

    def later(self, *facts, now, **given):
        return decided(*self.known, *facts, before=self.first.ticket, now=now, **given)

    def test_nothing_new_says_nothing(self):
        decision = self.later(now=at(2))

        assert (decision.events, decision.effects, decision.facts) == ((), (), ())
        assert decision.timers == self.first.timers

    def test_our_echo_says_nothing(self):
        decision = self.later(a_snapshot(2, assignee=MAYA, team=BILLING), now=at(2))

        assert (decision.events, decision.effects) == ((), ())

    def test_a_change_by_hand_is_an_assignment_without_effects(self):
        decision = self.later(a_snapshot(2, assignee=OLEG, team=BILLING), now=at(2))

        assert events(decision)["ticket.assigned"].data == {"agent": "8", "was": "7", "by": "source"}
        assert decision.effects == ()

    def test_taken_off_by_hand(self):
        decision = self.later(a_snapshot(2, assignee=MAYA), a_snapshot(3), now=at(3))

        assert list(events(decision)) == ["ticket.unassigned"]

    def test_a_reply_meets_the_clock_and_drops_its_timer(self):
        decision = self.later(a_reply(30), now=at(31))

        assert events(decision, "sla.met")["sla.met"].data["clock"] == "first_response:1"
        assert "sla:first_response" not in {f"{timer.kind}:{timer.key}" for timer in decision.timers}

    def test_resolving_and_reopening(self):
        resolved = self.later(a_reply(5), a_snapshot(10, "resolved"), now=at(11))
        assert events(resolved, "ticket.resolved")["ticket.resolved"].data == {"resolution": 1}
        assert Timer("csat", "resolution:1", at(20)) in resolved.timers
        assert {timer.kind for timer in resolved.timers} == {"csat", "closing"}

        known = (*self.known, a_reply(5), a_snapshot(10, "resolved"), a_message(15))
        reopened = decided(*known, before=resolved.ticket, now=at(16))
        assert reopened.ticket.status is Status.IN_PROGRESS
        assert {"ticket.reopened", "csat.cancelled"} <= set(events(reopened))
        assert {timer.kind for timer in reopened.timers} == {"sla", "warning"}

    def test_the_survey_is_asked_once(self):
        facts = (*self.known, a_reply(5), a_snapshot(10, "resolved"))
        asked = decided(*facts, before=self.first.ticket, now=at(20))
        assert ("survey", "resolution:1") in wishes(asked)

        again = decided(*facts, *asked.facts, before=asked.ticket, now=at(30), last_survey_at=at(20))
        assert (again.events, again.effects) == ((), ())

    def test_an_answer_is_an_event_each_time_it_changes(self):
        decision = self.later(an_answer(30, 5), an_answer(31, 3), now=at(32))

        ratings = [event.data["rating"] for event in decision.events if event.name == "csat.answered"]
        assert ratings == [5, 3]

    def test_a_new_priority_gives_new_targets_and_says_so(self):
        policy = a_policy(sla=(an_sla(name="fast", priorities=("urgent",), first_response=at(10) - at(0)), an_sla()))
        decision = self.later(a_snapshot(2, priority="urgent"), now=at(3), policy=policy)

        found = events(decision)
        assert "set in the source" in found["ticket.prioritised"].reason
        reason = next(e.reason for e in decision.events if e.name == "sla.retargeted")
        assert "within 10 m of counted time" in reason and "before it was 1 h" in reason
        assert Timer("sla", "first_response:1", at(10)) in decision.timers


class TestCrowd:
    def test_nobody_free_is_said_in_the_note(self):
        roster = a_roster(an_agent(MAYA, availability="offline"))
        decision = decided(*NEW, now=at(1), roster=roster)

        assert wishes(decision) == [("assign_team", "routed:1"), ("private_note", "routed:1")]
        assert "nobody is free (1 offline)" in decision.effects[1].payload["text"]
