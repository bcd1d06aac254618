"""What people do by our own doors, beside what the source shows: the walk, who has it, how pressing it is."""

from datetime import timedelta

import pytest

from tests.builders import BILLING, KEY, MAYA, OLEG, SUPPORT, a_message, a_policy, a_reply, a_snapshot, at
from tests.unit.domain.deciding import decided, events
from worker.domain.acting import refuse_illegal
from worker.domain.effects import EffectKind
from worker.domain.facts import Act, Author, Closed, Escalated, Followed, Person, Routed, TicketKey, Verb
from worker.domain.fold import fold
from worker.domain.ticket import EDGES, Status
from worker.errors import InvalidTransition

API = TicketKey("api", "k1")
ROUTED = Routed(1, at(2), "rule", BILLING, MAYA, "because")


def act(minute, verb, **given):
    return Act(**{"id": f"{verb}{minute}", "at": at(minute), "verb": verb, "actor": "anna", **given})


def folded(*facts, key=KEY, policy=None, as_of=None):
    return fold(key, facts, policy or a_policy(), as_of=as_of or at(1000))


def statuses(ticket):
    return [edge.after.value for edge in ticket.edges]


class TestOwnTickets:
    """Those that no source shows: the acts are all there is."""

    def test_each_verb_leads_to_its_status(self):
        ticket = folded(
            a_message(0),
            act(0, Verb.CREATE),
            act(1, Verb.ASSIGN, agent=MAYA),
            act(2, Verb.REPLY, text="Which parcel?"),
            act(3, Verb.RESOLVE, text="Sent again."),
            key=API,
        )

        assert statuses(ticket) == ["triaged", "in_progress", "pending_customer", "resolved"]
        assert (ticket.assignee, ticket.assignee_by, ticket.assignment) == (MAYA, "operator", "act:assign1")
        assert ticket.resolution_text == "Sent again."

    def test_the_customers_answer_takes_it_up_again(self):
        ticket = folded(
            a_message(0), act(1, Verb.ASSIGN, agent=MAYA), act(2, Verb.REPLY, text="?"), a_message(3), key=API
        )

        assert ticket.status is Status.IN_PROGRESS

    def test_a_reply_meets_the_first_response(self):
        ticket = folded(a_message(0), act(5, Verb.REPLY, text="We look into it."), key=API)

        assert {clock.metric: clock.met_at for clock in ticket.clocks}["first_response"] == at(5)

    def test_reopened_by_a_person(self):
        steps = (act(1, Verb.ASSIGN, agent=MAYA), act(2, Verb.RESOLVE, text="done"), act(3, Verb.REOPEN))

        ticket = folded(a_message(0), *steps, key=API)

        assert (ticket.status, ticket.reopen_count) == (Status.IN_PROGRESS, 1)


class TestBesideTheSource:
    def test_a_resolve_of_ours_is_not_taken_back_by_a_snapshot_that_does_not_show_it_yet(self):
        ticket = folded(
            a_snapshot(0),
            a_message(0),
            a_reply(1),
            act(2, Verb.RESOLVE, text="done"),
            a_snapshot(3, labels=("vip",)),
        )

        assert ticket.status is Status.RESOLVED

    def test_once_it_was_shown_another_opening_counts(self):
        shown = (a_snapshot(3, "resolved"), a_snapshot(9, "open"))

        ticket = folded(a_snapshot(0), a_message(0), a_reply(1), act(2, Verb.RESOLVE), *shown)

        assert (ticket.status, ticket.reopen_count) == (Status.IN_PROGRESS, 1)

    def test_the_customer_opens_it_again_all_the_same(self):
        ticket = folded(a_snapshot(0), a_message(0), a_reply(1), act(2, Verb.RESOLVE), a_message(3))

        assert ticket.status is Status.IN_PROGRESS

    def test_a_reply_counts_when_the_source_shows_it(self):
        ticket = folded(a_snapshot(0), a_message(0), act(5, Verb.REPLY, text="We look into it."))

        assert {clock.metric: clock.met_at for clock in ticket.clocks}["first_response"] is None

    def test_resolving_holds_also_where_it_comes_out_that_nobody_worked_on_it(self):
        """It was in work as far as was known when somebody resolved it; what is heard late does not undo that."""
        ticket = folded(a_snapshot(0), a_message(0), act(1, Verb.RESOLVE))

        assert ticket.status is Status.RESOLVED
        assert [one.resolved_at for one in ticket.resolutions] == [at(1)]

    def test_a_reply_by_mail_from_before_the_conversation_counts(self):
        replied = (a_message(0), act(3, Verb.REPLY, text="Which parcel?"))

        ticket = folded(*replied, a_snapshot(8, created_at=at(8)), a_message(8, id="m8"))

        assert {clock.metric: clock.met_at for clock in ticket.clocks}["first_response"] == at(3)


class TestWhoHasIt:
    def test_the_latest_of_ours_holds_until_the_source_shows_something_else(self):
        given = act(5, Verb.ASSIGN, agent=OLEG)
        before = (a_snapshot(0), ROUTED, a_snapshot(3, assignee=MAYA), given)

        assert folded(*before).assignee == OLEG
        assert folded(*before, a_snapshot(6, assignee=OLEG)).assignee_by == "operator"
        assert folded(*before, a_snapshot(6, assignee=MAYA, labels=("vip",))).assignee == OLEG
        taken = (a_snapshot(6, assignee=OLEG), a_snapshot(7, assignee=MAYA))
        assert folded(*before, *taken).assignee_by == "source"

    def test_an_escalation_takes_it_from_whom_the_source_shows(self):
        up = Escalated("legal", 1, at(5), "a lawyer writes", SUPPORT, OLEG)

        ticket = folded(a_snapshot(0, assignee=MAYA), up)

        assert (ticket.assignee, ticket.assignee_by, ticket.team) == (OLEG, "escalation", SUPPORT)
        assert ticket.escalations == (up,)

    def test_an_escalation_that_found_nobody_moves_nothing(self):
        ticket = folded(a_snapshot(0), ROUTED, Escalated("legal", 1, at(5), "a lawyer writes"))

        assert (ticket.assignee, ticket.assignment) == (MAYA, "routed:1")

    def test_a_second_routing_moves_it_from_one_to_the_other(self):
        second = Routed(2, at(5), "rule", BILLING, OLEG, "Maya went away")

        ticket = folded(a_snapshot(0), ROUTED, a_snapshot(3, assignee=MAYA, team=BILLING), second)

        assert (ticket.assignee, ticket.assignee_by, ticket.assignment) == (OLEG, "routing", "routed:2")


class TestPriority:
    def test_a_persons_word_beats_the_score_and_the_older_register(self):
        ticket = folded(a_snapshot(0, priority="low"), a_message(0), act(5, Verb.TRIAGE, priority="urgent"))

        assert (ticket.priority, ticket.score_reasons[0]) == ("urgent", "priority urgent was set by anna")

    def test_a_later_change_in_the_source_beats_it(self):
        facts = (a_snapshot(0, priority="low"), act(5, Verb.TRIAGE, priority="urgent"), a_snapshot(6, priority="high"))

        assert folded(*facts).priority == "high"

    def test_an_escalation_raises_it_and_never_lowers_it(self):
        up = Escalated("legal", 1, at(5), "a lawyer writes", priority="high")

        assert folded(a_snapshot(0, priority="low"), up).priority == "high"
        assert folded(a_snapshot(0, priority="urgent"), up).priority == "urgent"
        assert folded(a_snapshot(0), a_message(0, text="urgent down"), up).priority == "high"

    def test_whoever_lowers_it_after_the_escalation_is_heard(self):
        up = Escalated("legal", 1, at(5), "a lawyer writes", priority="high")

        assert (
            folded(a_snapshot(0), up, a_snapshot(6, priority="high"), a_snapshot(7, priority="low")).priority == "low"
        )


class TestTheEnd:
    ENDED = (a_snapshot(0), a_message(0), a_reply(1), a_snapshot(2, "resolved"), Closed(1, at(60), "quiet", "silence"))

    def test_a_closed_ticket_says_when_and_by_what(self):
        ticket = folded(*self.ENDED)

        assert (ticket.status, ticket.closed_at, ticket.closed_by) == (Status.CLOSED, at(60), "quiet")
        assert ticket.resolutions[-1].reopened_at is None

    def test_nothing_after_it_changes_the_status(self):
        ticket = folded(*self.ENDED, a_message(70), a_snapshot(71))

        assert (ticket.status, len(ticket.edges)) == (Status.CLOSED, 4)

    def test_a_message_from_before_it_heard_of_late_takes_it_back(self):
        ticket = folded(*self.ENDED, a_message(30))

        assert (ticket.status, ticket.closed_at, ticket.reopen_count) == (Status.IN_PROGRESS, None, 1)

    def test_a_follow_up_begins_anew_after_it(self):
        begun = Followed(at(70), at(60), 9)
        seen = a_snapshot(70, "resolved", waiting_since=at(70), first_reply_at=at(1))

        ticket = folded(begun, a_message(70), seen, a_snapshot(71, "open", waiting_since=at(70)))

        assert (ticket.status, ticket.created_at, ticket.previous) == (Status.TRIAGED, at(70), 9)
        assert ticket.generation == 2
        assert (ticket.resolutions, ticket.reopen_count) == ((), 0)
        assert {clock.metric: clock.started_at for clock in ticket.clocks}["first_response"] == at(70)

    def test_a_follow_up_is_not_resolved_by_what_was_shown_in_the_millisecond_of_its_message(self):
        before = a_snapshot(70, "resolved", at=at(70) + timedelta(microseconds=300))
        ticket = folded(Followed(at(70), at(60), 9), a_message(70), before, a_snapshot(71, "open"))

        assert (ticket.resolutions, ticket.reopen_count) == ((), 0)


LEGAL = {
    Verb.TRIAGE: "new triaged in_progress pending_customer",
    Verb.ASSIGN: "new triaged in_progress pending_customer",
    Verb.ESCALATE: "new triaged in_progress pending_customer",
    Verb.REPLY: "new triaged in_progress pending_customer",
    Verb.RESOLVE: "in_progress pending_customer",
    Verb.CLOSE: "resolved",
    Verb.REOPEN: "resolved",
}


class TestLegalVerbs:
    @pytest.mark.parametrize("status", Status)
    @pytest.mark.parametrize("verb", LEGAL)
    def test_the_table(self, verb, status):
        from dataclasses import replace

        ticket = replace(folded(a_snapshot(0)), status=status)

        if status in LEGAL[verb].split():
            refuse_illegal(ticket, verb)
        else:
            with pytest.raises(InvalidTransition) as refused:
                refuse_illegal(ticket, verb)
            assert refused.value.legal == EDGES[status]


class TestWants:
    def test_each_new_act_asks_the_source_to_follow_once(self):
        start = (a_snapshot(0, team=SUPPORT, assignee=OLEG), a_message(0), a_reply(1))
        acts = (act(5, Verb.ASSIGN, agent=MAYA, team=BILLING), act(6, Verb.RESOLVE, text="done"))

        first = decided(*start, *acts, now=at(7))
        again = decided(*start, *acts, before=first.ticket, now=at(8))

        mine = [(one.kind, one.decision, dict(one.payload)) for one in first.effects if one.decision.startswith("act:")]
        assert mine == [
            (EffectKind.ASSIGN_TEAM, "act:assign5", {"team_id": "2", "team": "billing"}),
            (EffectKind.ASSIGN_AGENT, "act:assign5", {"agent_id": "7", "agent": "Maya Ortiz"}),
            (EffectKind.SET_STATUS, "act:resolve6", {"status": "resolved"}),
        ]
        assert events(first, "ticket.acted")["ticket.acted"].reason == "resolve by anna"
        assert not [one for one in again.effects if one.decision.startswith("act:")]

    def test_a_reply_to_a_ticket_without_conversation_goes_by_mail(self):
        asked = a_message(0, author=Author.CUSTOMER, by=Person(None, "Lena", "lena@customer.example"), subject="Hello")
        replied = act(5, Verb.REPLY, text="Yes.")

        from worker.domain.acting import wants
        from worker.domain.story import tell
        from worker.domain.view import Given, View

        facts = (asked, replied)
        ticket = folded(*facts, key=API)
        [effect] = wants(View(None, API, facts, tell(facts), ticket, a_policy(), Given(), at(6))).effects

        assert (effect.kind, effect.lane) == (EffectKind.REPLY, "mail")
        assert effect.payload == {"text": "Yes.", "actor": "anna", "to": "lena@customer.example", "subject": "Hello"}
