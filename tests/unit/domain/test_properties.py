"""What must hold for every set of facts, in every order, in any batches."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import (
    BILLING,
    KEY,
    LENA,
    MAYA,
    OLEG,
    a_message,
    a_policy,
    a_roster,
    a_snapshot,
    an_answer,
    at,
    minutes,
)
from worker.domain.decide import decide
from worker.domain.facts import Act, Author, Closed, Escalated, Followed, Routed, Verb
from worker.domain.fold import fold
from worker.domain.own import FOLLOWED
from worker.domain.policy import ScoreRule
from worker.domain.ticket import EDGES, Status
from worker.domain.view import Given
from worker.policy_file import load_policy

POLICY = a_policy(
    score_rules=(*a_policy().score_rules, ScoreRule("waiting", 40, min_waiting=minutes(30))),
    closing=load_policy(None).closing,
)
NOW = at(200)
MINUTES = st.integers(0, 120)
TEXTS = st.sampled_from(["", "refund", "my parcel", "urgent", "thanks", "invoice for the parcel"])
STATUSES = st.sampled_from(["open", "pending", "snoozed", "resolved", "unheard-of"])

MESSAGES = st.builds(
    lambda number, minute, author, text, private, auto: a_message(
        minute, id=str(number), author=author, text=text, private=private, auto_reply=auto, by=LENA
    ),
    st.integers(1, 40),
    MINUTES,
    st.sampled_from(Author),
    TEXTS,
    st.booleans(),
    st.booleans(),
)
SNAPSHOTS = st.builds(
    lambda minute, status, given: replace(a_snapshot(minute, status, **given), digest=repr((status, sorted(given)))),
    MINUTES,
    STATUSES,
    st.fixed_dictionaries(
        {},
        optional={
            "assignee": st.sampled_from([None, MAYA, OLEG]),
            "team": st.sampled_from([None, BILLING]),
            "labels": st.sampled_from([(), ("billing",), ("shipping", "vip")]),
            "priority": st.sampled_from([None, "urgent", "low"]),
            "first_reply_at": MINUTES.map(at),
            "waiting_since": MINUTES.map(at),
            "can_reply": st.booleans(),
        },
    ),
)
ANSWERS = st.builds(an_answer, MINUTES, st.integers(1, 5))
HEARD = st.lists(st.one_of(MESSAGES, SNAPSHOTS, ANSWERS), min_size=1, max_size=12)
ACTS = st.builds(
    lambda number, minute, verb, agent, priority: Act(
        str(number), at(minute), verb, "anna", agent=agent, priority=priority, text="done"
    ),
    st.integers(1, 40),
    MINUTES,
    st.sampled_from(Verb),
    st.sampled_from([None, MAYA, OLEG]),
    st.sampled_from(["", "urgent", "low"]),
)
OWN = st.one_of(
    st.builds(
        lambda number, minute, agent: Routed(number, at(minute), "rule", BILLING, agent, "because"),
        st.integers(1, 3),
        MINUTES,
        st.sampled_from([None, MAYA, OLEG]),
    ),
    st.builds(
        lambda level, minute, agent: Escalated("legal", level, at(minute), "a lawyer", BILLING, agent, "high"),
        st.integers(1, 2),
        MINUTES,
        st.sampled_from([None, MAYA, OLEG]),
    ),
    st.builds(lambda run, minute: Closed(run, at(minute), "quiet", "nothing heard"), st.integers(1, 2), MINUTES),
    st.builds(lambda minute: Closed(0, at(minute), FOLLOWED, "t2 follows"), MINUTES),
    st.builds(lambda minute, after: Followed(at(minute), at(after), 1), MINUTES, MINUTES),
)
FACTS = st.lists(st.one_of(MESSAGES, SNAPSHOTS, ANSWERS, ACTS, OWN), min_size=1, max_size=14)


def stored(facts, known=()):
    """As the store keeps them: of one key the first to come."""
    by_key = {fact.key: fact for fact in known}
    for fact in facts:
        by_key.setdefault(fact.key, fact)
    return list(by_key.values())


def decided(before, facts, *, now=NOW):
    return decide(before, KEY, facts, policy=POLICY, known=Given(a_roster()), now=now)


class TestOrder:
    @given(facts=FACTS, data=st.data())
    def test_any_order_and_repetition_gives_the_same_ticket(self, facts, data):
        shuffled = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)))))

        assert fold(KEY, shuffled, POLICY, as_of=NOW) == fold(KEY, facts, POLICY, as_of=NOW)


class TestTransitions:
    @given(facts=FACTS)
    def test_no_sequence_leaves_the_table(self, facts):
        ticket = fold(KEY, facts, POLICY, as_of=NOW)

        here = Status.NEW
        for edge in ticket.edges:
            assert edge.before is here
            assert edge.after in EDGES[here]
            here = edge.after
        assert here is ticket.status

    @given(facts=FACTS)
    def test_resolved_runs_follow_each_other(self, facts):
        ticket = fold(KEY, facts, POLICY, as_of=NOW)

        assert [run.ordinal for run in ticket.resolutions] == list(range(1, len(ticket.resolutions) + 1))
        assert ticket.reopen_count == sum(run.reopened_at is not None for run in ticket.resolutions)
        is_resolved = bool(ticket.resolutions) and ticket.resolutions[-1].reopened_at is None
        assert is_resolved is (ticket.status in (Status.RESOLVED, Status.CLOSED))
        assert (ticket.closed_at is not None) is (ticket.status is Status.CLOSED)


class TestDecisions:
    @given(facts=HEARD)
    def test_deciding_twice_adds_nothing(self, facts):
        facts = stored(facts)
        first = decided(None, facts)
        second = decided(first.ticket, stored(first.facts, facts))

        assert second.ticket == first.ticket
        assert second.timers == first.timers
        assert second.facts == ()
        assert keys(second) <= keys(first)

    @given(facts=HEARD)
    def test_the_ticket_is_the_fold_of_what_is_stored(self, facts):
        decision = decided(None, stored(facts))

        assert decision.ticket == fold(KEY, stored(decision.facts, stored(facts)), POLICY, as_of=NOW)

    @settings(max_examples=60)
    @given(facts=HEARD, data=st.data())
    def test_batches_end_in_the_same_record_as_all_at_once(self, facts, data):
        facts = stored(facts)
        arriving = data.draw(st.permutations(facts))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(facts)), max_size=4)) | {len(facts)})

        known, ticket, start = [], None, 0
        for number, cut in enumerate(cuts):
            known = stored(arriving[start:cut], known)
            decision = decided(ticket, known, now=at(200 - len(cuts) + number + 1))
            known, ticket, start = stored(decision.facts, known), decision.ticket, cut

        assert derived(ticket) == derived(decided(None, facts).ticket)

    @given(facts=HEARD)
    def test_every_key_fits_its_column(self, facts):
        decision = decided(None, facts)

        assert all(len(event.key) <= 200 and len(event.name) <= 60 for event in decision.events)
        assert all(len(timer.key) <= 100 for timer in decision.timers)
        assert all(event.reason and event.stage in {"intake", "routing", "sla", "csat"} for event in decision.events)


def keys(decision):
    said = {("event", event.name, event.key) for event in decision.events}
    return said | {("effect", effect.kind, effect.decision) for effect in decision.effects}


def derived(ticket):
    return (
        ticket.status,
        ticket.edges,
        ticket.clocks,
        ticket.category,
        ticket.priority,
        ticket.score,
        ticket.resolutions,
        ticket.reopen_count,
        ticket.waiting_since,
        ticket.requester,
        ticket.subject,
        ticket.answers,
        ticket.tags,
        ticket.with_bot,
    )
