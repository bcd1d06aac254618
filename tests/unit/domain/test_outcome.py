import pytest

from tests.builders import BILLING, KEY, MAYA, OLEG, a_message, a_policy, a_reply, a_snapshot, an_answer, at
from worker.domain.facts import Act, Closed, Parsed, Person, Routed, Verb
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted, outcome_of

POLICY = a_policy()
ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")
OPEN = (a_snapshot(1), a_message(1), ROUTED)


def an_act(verb, second, **said):
    return Act(f"{verb}@{second}", at(second), Verb(verb), "ana@desk.example", **said)


def a_ticket(*facts, now=None):
    return fold(KEY, facts, POLICY, as_of=now or at(100))


class TestOutcome:
    def outcome(self, *facts, new, before=()):
        parsed = Parsed("event", ticket=KEY, facts=facts)
        known = a_ticket(*before) if before else None
        return outcome_of(parsed, {fact.key for fact in new}, known, a_ticket(*before, *facts))

    def test_nothing_new_is_a_duplicate(self):
        assert self.outcome(a_snapshot(1), new=()) == "duplicate"

    def test_new_facts_are_processed(self):
        assert self.outcome(a_snapshot(1), new=(a_snapshot(1),)) == "processed"
        assert self.outcome(a_snapshot(5), new=(a_snapshot(5),), before=(a_snapshot(1),)) == "processed"

    def test_only_older_registers_are_stale(self):
        assert self.outcome(a_snapshot(1), new=(a_snapshot(1),), before=(a_snapshot(5),)) == "stale"

    def test_what_a_batch_brought_before_counts_as_known_and_what_it_brought_later_does_not(self):
        parsed, new = Parsed("event", ticket=KEY, facts=(a_snapshot(1),)), {a_snapshot(1).key}
        later = a_ticket(a_snapshot(1), a_snapshot(5))

        assert outcome_of(parsed, new, None, later) == "processed"
        assert outcome_of(parsed, new, None, later, known_at=at(5)) == "stale"

    def test_an_equal_time_is_not_older(self):
        other = a_snapshot(5, digest="other")

        assert self.outcome(other, new=(other,), before=(a_snapshot(5),)) == "processed"

    def test_a_message_is_never_stale(self):
        facts = (a_message(0), a_snapshot(1))

        assert self.outcome(*facts, new=facts, before=(a_snapshot(5),)) == "processed"

    def test_our_own_clock_makes_nothing_stale(self):
        routed_late = Routed(1, at(60), "rule", None, None, "because")
        newer = a_snapshot(5)

        assert self.outcome(newer, new=(newer,), before=(a_snapshot(1), routed_late)) == "processed"

    def test_what_was_ignored(self):
        assert outcome_of(Parsed("x", ignored="typing"), set(), None, None) == "ignored"


class TestIsWanted:
    @pytest.mark.parametrize(
        ("facts", "why_not"),
        [
            (OPEN, None),
            ((*OPEN, a_snapshot(3, assignee=MAYA, team=BILLING)), None),
            ((*OPEN, a_snapshot(3, assignee=OLEG)), "assigned_by_hand"),
            ((*OPEN, a_snapshot(3, assignee=MAYA), a_snapshot(4)), "assigned_by_hand"),
            ((*OPEN, a_snapshot(3, "resolved")), None),
            ((*OPEN, a_snapshot(3, "resolved"), Closed(1, at(5), "quiet", "because")), "closed"),
        ],
    )
    @pytest.mark.parametrize(
        ("kind", "payload"), [("assign_agent", {"agent_id": "7"}), ("assign_team", {"team_id": "2"})]
    )
    def test_assignments(self, facts, why_not, kind, payload):
        assert is_wanted(kind, "routed:1", payload, a_ticket(*facts)) == why_not

    def test_a_team_set_by_hand_stays(self):
        ticket = a_ticket(*OPEN, a_snapshot(3, team=Person("9", "other")))

        assert is_wanted("assign_team", "routed:1", {"team_id": "2"}, ticket) == "team_set_by_hand"
        assert is_wanted("assign_agent", "routed:1", {"agent_id": "7"}, ticket) is None

    def test_an_older_decision_is_superseded(self):
        assert is_wanted("assign_agent", "routed:0", {}, a_ticket(*OPEN)) == "superseded"

    def test_notes_are_wanted_unless_the_breach_was_taken_back(self):
        late, in_time = a_ticket(*OPEN), a_ticket(*OPEN, a_reply(10))

        assert is_wanted("private_note", "routed:1", {}, late) is None
        assert is_wanted("private_note", "sla:first_response:1", {}, late) is None
        assert is_wanted("private_note", "sla:first_response:1", {}, in_time) == "breach_withdrawn"

    @pytest.mark.parametrize(
        ("facts", "why_not"),
        [
            ((), None),
            ((a_message(30),), "reopened"),
            ((a_message(30), a_snapshot(40, "resolved")), "reopened"),
            ((an_answer(30, via="hookdesk", survey="resolution:1"),), "answered"),
            ((a_message(30, author="system", content_type="input_csat"),), "asked_upstream"),
            ((a_snapshot(30, "resolved", can_reply=False),), "cannot_reply"),
        ],
    )
    def test_surveys(self, facts, why_not):
        ticket = a_ticket(*OPEN, a_snapshot(20, "resolved"), *facts)

        assert is_wanted("survey", "resolution:1", {"resolution": 1}, ticket) == why_not

    CLOSED = (a_snapshot(20, "resolved"), Closed(1, at(90), "quiet", "because"))

    @pytest.mark.parametrize(
        ("facts", "why_not"),
        [
            ((), None),
            ((a_message(30),), "reopened"),
            ((a_message(30), a_snapshot(40, "resolved")), "reopened"),
            ((a_snapshot(30, "resolved", can_reply=False),), "cannot_reply"),
            (CLOSED[1:], "closed"),
        ],
    )
    def test_closing_notices(self, facts, why_not):
        ticket = a_ticket(*OPEN, a_snapshot(20, "resolved"), *facts)

        assert is_wanted("closing_notice", "closing:1", {"resolution": 1}, ticket) == why_not

    @pytest.mark.parametrize(
        ("facts", "wanted", "why_not"),
        [
            ((a_reply(5), an_act("resolve", 20)), "resolved", None),
            ((a_reply(5), an_act("resolve", 20), a_message(30)), "resolved", "status_moved"),
            (CLOSED, "resolved", None),
            ((a_snapshot(20, "resolved"), an_act("reopen", 30)), "open", None),
            ((a_snapshot(20, "resolved"), an_act("reopen", 30), a_snapshot(40), a_snapshot(50, "resolved")), "open",
             "status_moved"),
            ((), "snoozed", None),
            ((a_snapshot(20, "resolved"),), "snoozed", "status_moved"),
        ],
    )  # fmt: skip
    def test_a_status_is_set_unless_it_moved_on(self, facts, wanted, why_not):
        assert is_wanted("set_status", "act:1", {"status": wanted}, a_ticket(*OPEN, *facts)) == why_not

    @pytest.mark.parametrize(
        ("facts", "why_not"),
        [
            ((an_act("triage", 20, priority="high"),), None),
            ((an_act("triage", 20, priority="high"), a_snapshot(30, priority="high")), None),
            ((an_act("triage", 20, priority="high"), a_snapshot(30, priority="low")), "priority_moved"),
            ((an_act("triage", 20, priority="high"), an_act("triage", 30, priority="urgent")), "priority_moved"),
            ((an_act("triage", 10, priority="high"), *CLOSED), "closed"),
        ],
    )
    def test_a_priority_is_set_unless_it_was_changed_since(self, facts, why_not):
        assert is_wanted("set_priority", "act:1", {"priority": "high"}, a_ticket(*OPEN, *facts)) == why_not

    @pytest.mark.parametrize("kind", ["add_labels", "set_attributes", "reply"])
    def test_a_closed_ticket_is_left_alone(self, kind):
        assert is_wanted(kind, "act:1", {}, a_ticket(*OPEN)) is None
        assert is_wanted(kind, "act:1", {}, a_ticket(*OPEN, a_snapshot(20, "resolved"))) is None
        assert is_wanted(kind, "act:1", {}, a_ticket(*OPEN, *self.CLOSED)) == "closed"

    def test_an_act_is_the_newest_decision_about_who_has_it(self):
        ticket = a_ticket(*OPEN, an_act("assign", 20, agent=OLEG))

        assert is_wanted("assign_agent", "act:assign@20", {"agent_id": OLEG.id}, ticket) is None
        assert is_wanted("assign_agent", "routed:1", {"agent_id": MAYA.id}, ticket) == "superseded"

    @pytest.mark.parametrize("kind", ["event"])
    def test_what_happened_is_told_whatever_came_after(self, kind):
        assert is_wanted(kind, "ticket.resolved:1", {}, a_ticket(*OPEN, *self.CLOSED)) is None
