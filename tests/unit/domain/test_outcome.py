import pytest

from tests.builders import BILLING, KEY, MAYA, OLEG, a_message, a_policy, a_reply, a_snapshot, an_answer, at
from worker.domain.facts import Parsed, Person, Routed
from worker.domain.fold import fold
from worker.domain.outcome import is_wanted, outcome_of

POLICY = a_policy()
ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")
OPEN = (a_snapshot(1), a_message(1), ROUTED)


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
            ((*OPEN, a_snapshot(3, "resolved")), "resolved"),
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
