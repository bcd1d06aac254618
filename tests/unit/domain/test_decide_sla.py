from tests.builders import (
    a_message,
    a_policy,
    a_reply,
    a_snapshot,
    at,
)
from tests.unit.domain.deciding import NEW, decided, events, wishes
from worker.domain.policy import ScoreRule
from worker.domain.ticket import Timer


class TestBreach:
    first = decided(*NEW, now=at(1))
    known = (*NEW, *first.facts)
    breached = decided(*known, before=first.ticket, now=at(61))

    def test_it_is_marked_at_its_due_time_with_one_note(self):
        event = events(self.breached)["sla.breached"]

        assert (event.key, event.at) == ("first_response:1:2026-06-18T10:00:00+00:00", at(60))
        assert wishes(self.breached) == [("private_note", "sla:first_response:1:2026-06-18T10:00:00+00:00")]
        assert "assigned to Maya Ortiz" in event.reason
        assert "sla:first_response:1" not in {f"{timer.kind}:{timer.key}" for timer in self.breached.timers}

    def test_at_the_deadline_itself_it_is_marked_already(self):
        assert "sla.breached" in events(decided(*self.known, before=self.first.ticket, now=at(60)))

    def test_it_is_said_once(self):
        again = decided(*self.known, before=self.breached.ticket, now=at(90))

        assert (again.events, again.effects) == ((), ())

    def test_a_reply_that_was_in_time_but_heard_of_late_takes_it_back(self):
        decision = decided(*self.known, a_reply(59), before=self.breached.ticket, now=at(62))

        event = events(decision)["sla.breach_withdrawn"]
        assert event.data["was_breached_at"] == at(60).isoformat()
        assert event.data["met_at"] == at(59).isoformat()
        assert events(decision)["sla.met"].key == "first_response:1:2026-06-18T09:59:00+00:00"

    def test_so_does_learning_that_only_a_machine_wrote(self):
        facts = [fact for fact in self.known if fact.key != "message:m0"]
        decision = decided(*facts, a_message(0, auto_reply=True), before=self.breached.ticket, now=at(62))

        assert "does not apply" in events(decision)["sla.breach_withdrawn"].reason


class TestWaiting:
    policy = a_policy(score_rules=(ScoreRule("waits", 60, min_waiting=at(30) - at(0)),))

    def test_a_timer_looks_again_when_waiting_alone_changes_the_priority(self):
        first = decided(*NEW, now=at(1), policy=self.policy)
        assert Timer("priority", "waits", at(30)) in first.timers

        later = decided(*NEW, *first.facts, before=first.ticket, now=at(30), policy=self.policy)
        assert events(later)["ticket.prioritised"].data["priority"] == "high"
        assert {timer.kind for timer in later.timers} == {"sla", "warning"}

    def test_not_for_a_resolved_ticket(self):
        facts = (*NEW, a_snapshot(5, "resolved"))

        assert {timer.kind for timer in decided(*facts, now=at(6), policy=self.policy).timers} == {"csat", "closing"}
