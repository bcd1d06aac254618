"""What must hold of escalations and closings for every set of facts, in every order, in any batches."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import KEY, a_message, a_roster, at
from tests.unit.domain.test_properties import ACTS, HEARD, MINUTES, POLICY, keys, stored
from worker.domain.decide import decide
from worker.domain.facts import Closed, Escalated
from worker.domain.fold import fold
from worker.domain.policy import AgentRule, Target
from worker.domain.ticket import Status
from worker.domain.view import Given
from worker.policy_file import load_policy

CARE = replace(
    POLICY,
    escalation=load_policy(None).escalation,
    agents=(AgentRule("8", senior=True),),
    targets=(Target("crm", "https://crm.example.com/hook"),),
)
NOW = at(200)
SAID = st.builds(
    lambda number, minute, text: a_message(minute, id=str(number), text=text),
    st.integers(41, 60),
    MINUTES,
    st.sampled_from(["a real human please", "a refund!", "my lawyer", "data loss", "thanks, that solved it", "hello?"]),
)
ALL = st.tuples(HEARD, st.lists(st.one_of(SAID, ACTS), max_size=8)).map(lambda both: stored(both[0] + both[1]))


def decided(before, facts, *, now=NOW):
    roster = a_roster(refreshed_at=now)
    return decide(before, KEY, facts, policy=CARE, known=Given(roster), now=now)


def lived(facts, data):
    """The facts in any order and batches, decided a minute after each other; every decision of it."""
    arriving = data.draw(st.permutations(facts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(facts)), max_size=4)) | {len(facts)})
    known, ticket, start, decisions = [], None, 0, []
    for number, cut in enumerate(cuts):
        known = stored(arriving[start:cut], known)
        decision = decided(ticket, known, now=at(200 + 100 * number))
        known, ticket, start = stored(decision.facts, known), decision.ticket, cut
        decisions.append(decision)
    return decisions, known


class TestDecisions:
    @given(facts=ALL)
    def test_deciding_twice_adds_nothing(self, facts):
        first = decided(None, facts)
        second = decided(first.ticket, stored(first.facts, facts))

        assert second.ticket == first.ticket
        assert second.timers == first.timers
        assert second.facts == ()
        assert keys(second) <= keys(first)

    @settings(max_examples=60)
    @given(facts=ALL, data=st.data(), later=st.integers(0, 20_000), performed=st.booleans())
    def test_deciding_again_after_a_while_adds_nothing_twice(self, facts, data, later, performed):
        decisions, known = lived(facts, data)
        ticket, now = decisions[-1].ticket, at(200 + 100 * len(decisions) + later)
        done = {}
        if performed:
            done = {(one.kind, one.decision): now for each in decisions for one in each.effects}
        roster = a_roster(refreshed_at=now)

        first = decide(ticket, KEY, known, policy=CARE, known=Given(roster, done=done), now=now)
        whole = stored(first.facts, known)
        second = decide(first.ticket, KEY, whole, policy=CARE, known=Given(roster, done=done), now=now)

        assert (second.ticket, second.facts, second.activities) == (first.ticket, (), ())
        assert second.timers == first.timers
        assert keys(second) <= keys(first)
        assert all(timer.due_at > now for timer in first.timers)
        assert len({(timer.kind, timer.key) for timer in first.timers}) == len(first.timers)

    @settings(max_examples=60)
    @given(facts=ALL, data=st.data())
    def test_each_level_of_each_reason_comes_once(self, facts, data):
        decisions, known = lived(facts, data)
        made = [fact for decision in decisions for fact in decision.facts if isinstance(fact, Escalated)]

        assert max(Counter(fact.key for fact in made).values(), default=1) == 1
        rules = {fact.reason: fact.rule for fact in made if not fact.rule.startswith("by_hand")}
        assert all(rules.get(fact.reason, fact.rule) == fact.rule for fact in made)
        for rule in {fact.rule for fact in made}:
            levels = [fact.level for fact in made if fact.rule == rule]
            assert levels == list(range(1, len(levels) + 1))
        assert decisions[-1].ticket == fold(KEY, known, CARE, as_of=at(100 + 100 * len(decisions)))

    @settings(max_examples=60)
    @given(facts=ALL, data=st.data())
    def test_what_is_closed_has_its_definition_of_done(self, facts, data):
        decisions, _ = lived(facts, data)

        for decision in decisions:
            ended = [fact for fact in decision.facts if isinstance(fact, Closed)]
            assert len(ended) <= 1
            if ended:
                assert decision.ticket.status is Status.CLOSED
                assert decision.ticket.resolution_text
                assert ended[0].by != "quiet"  # nobody was told
