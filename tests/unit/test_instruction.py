"""What is asked for becomes an act, or all its mistakes at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import BILLING, MAYA, OLEG, a_policy, a_roster, an_agent, at
from worker.domain.facts import Act, Person, Verb
from worker.domain.policy import FieldRule
from worker.domain.routing import Roster
from worker.errors import Invalid
from worker.instruction import Instruction, act_of

ANA = Person("9", "Ana Ruiz", "ana@desk.example")
TWIN = Person("10", "ana ruiz", "ana2@desk.example")
ROSTER = a_roster(an_agent(MAYA), an_agent(OLEG), an_agent(ANA))
POLICY = a_policy(
    fields=(FieldRule("order", "whole"), FieldRule("vendor"), FieldRule("size", "one_of", values=("S", "L")))
)
LENA = Person(None, "Lena", "lena@customer.example")


def asked(verb: Verb = Verb.ASSIGN, **given: Any) -> Instruction:
    return Instruction(**{"verb": verb, "actor": "anna", **given})


def checked(verb: Verb = Verb.ASSIGN, roster: Roster = ROSTER, **given: Any) -> Act:
    return act_of(asked(verb, **given), act_id="k1", at=at(5), policy=POLICY, roster=lambda: roster)


def mistakes(verb: Verb = Verb.ASSIGN, roster: Roster = ROSTER, **given: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        checked(verb, roster, **given)
    return caught.value.mistakes


class TestWords:
    def test_everything_that_is_said_is_in_the_act(self) -> None:
        found = checked(
            Verb.TRIAGE, reason="they called", category="BILLING", priority="Critical", subject=" New\nsubject ",
            internal=True, tags=("vip", "vip", "late"), fields=(("order", "0077"), ("size", "l")),
        )  # fmt: skip

        assert (found.id, found.at, found.actor, found.reason) == ("k1", at(5), "anna", "they called")
        assert (found.category, found.priority, found.subject) == ("billing", "urgent", "New subject")
        assert (found.internal, found.tags) == (True, ("vip", "late"))
        assert found.fields == (("order", "77"), ("size", "L"))

    def test_what_no_store_keeps_is_taken_out(self) -> None:
        found = checked(Verb.REPLY, text=" Hello\0 \r\nthere\ud800 ", reason="a\u202eb")

        assert (found.text, found.reason) == ("Hello \nthere\ufffd", "a b")

    def test_all_mistakes_are_told_at_once(self) -> None:
        found = mistakes(
            Verb.TRIAGE, category="biling", priority="hgh", subject="x" * 501, fields=(("ordr", "1"), ("order", "x")),
        )  # fmt: skip

        assert found == {
            "subject": "at most 500 characters",
            "category": "there is no category 'biling'; did you mean billing?",
            "priority": "'hgh' is not a priority; did you mean high?",
            "fields.ordr": "there is no field 'ordr'; did you mean order?",
            "fields.order": "expected a whole number",
        }

    def test_a_field_of_a_closed_list_names_it(self) -> None:
        assert mistakes(Verb.TRIAGE, fields=(("size", "M"),)) == {"fields.size": "expected one of S, L"}


class TestPeople:
    @pytest.mark.parametrize("word", ["9", "ana@desk.example", "ANA@desk.example", "Ana Ruiz", " ana ruiz "])
    def test_an_agent_is_found_by_id_address_or_name(self, word: str) -> None:
        assert checked(agent=word).agent == ANA

    @pytest.mark.parametrize("word", ["2", "billing", "Billing"])
    def test_a_team_is_found_by_id_or_name(self, word: str) -> None:
        assert checked(team=word).team == BILLING

    def test_an_unknown_one_gets_suggestions(self) -> None:
        found = mistakes(agent="Ana Ruis", team="biling")

        assert found["agent"] == "there is no agent 'Ana Ruis'; did you mean Ana Ruiz?"
        assert found["team"] == "there is no team 'biling'; did you mean billing?"

    def test_two_of_one_name_need_an_id(self) -> None:
        roster = a_roster(an_agent(ANA), an_agent(TWIN))

        assert mistakes(roster=roster, agent="Ana Ruiz") == {
            "agent": "several are called Ana Ruiz; use an id: 9, 10",
        }

    def test_without_a_roster_nobody_is_known(self) -> None:
        found = mistakes(roster=Roster((), (), None), agent="Ana Ruiz")

        assert found["agent"].startswith("no agent is known yet")


class TestWhatIsNeeded:
    @pytest.mark.parametrize(
        ("verb", "fields"),
        [
            (Verb.CREATE, ["requester", "subject", "text"]),
            (Verb.TRIAGE, ["category", "fields", "internal", "priority", "subject", "tags"]),
            (Verb.ASSIGN, ["agent", "team"]),
            (Verb.ESCALATE, ["reason"]),
            (Verb.REPLY, ["text"]),
        ],
    )
    def test_a_verb_without_its_object_is_refused(self, verb: Verb, fields: list[str]) -> None:
        assert sorted(mistakes(verb)) == fields

    @pytest.mark.parametrize("verb", [Verb.RESOLVE, Verb.CLOSE, Verb.REOPEN])
    def test_the_others_may_stand_alone(self, verb: Verb) -> None:
        assert checked(verb).verb is verb

    def test_blank_is_nothing(self) -> None:
        assert mistakes(Verb.REPLY, text=" \n ") == {"text": "write the reply"}

    @pytest.mark.parametrize("email", ["lena", "lena@", "@x", "lena @x.example", "a@b,c@d", "x" * 320 + "@y.example"])
    def test_an_address_must_be_one(self, email: str) -> None:
        found = mistakes(Verb.CREATE, subject="Hi", requester=replace(LENA, email=email))

        assert found == {"requester.email": "an address like lena@customer.example"}


class TestDigest:
    def test_the_key_plays_no_part(self) -> None:
        assert asked(agent="9", key="a").digest == asked(agent="9", key="b").digest

    @pytest.mark.parametrize(
        "other",
        [{"agent": "8"}, {"actor": "olga"}, {"reason": "x"}, {"automatic": True}, {"verb": Verb.ESCALATE}],
    )
    def test_everything_else_does(self, other: dict[str, Any]) -> None:
        assert asked(agent="9").digest != asked(**{"agent": "9", **other}).digest
