"""Whom a notice reaches."""

from dataclasses import replace

import pytest

from tests.builders import BILLING, KEY, MAYA, OLEG, a_message, a_policy, a_roster, a_snapshot, an_agent, at
from worker.domain.facts import Person
from worker.domain.fold import fold
from worker.domain.notices import notice
from worker.domain.policy import NoticePolicy

MAYA_AT = replace(MAYA, email="maya@desk.example")
OLEG_AT = replace(OLEG, email="oleg@desk.example")
POLICY = a_policy(
    notices=NoticePolicy(
        leads=(("", "lead@desk.example"), ("Billing", "money@desk.example"), ("3", "help@desk.example"))
    )
)
TICKET = fold(KEY, (a_snapshot(0, assignee=MAYA, team=BILLING), a_message(0)), POLICY, as_of=at(1))


def reached(*to, ticket=TICKET, **given):
    effect = notice(ticket, POLICY, decision="d", to=to, subject="s", text="t", **given)
    return effect.payload["to"]


class TestWhom:
    def test_the_payload(self):
        effect = notice(TICKET, POLICY, decision="sla:x", to=("lead",), subject="s", text="t", late=True)

        assert (effect.kind, effect.decision, effect.lane) == ("operator_notice", "sla:x", "notice")
        assert effect.payload == {
            "subject": "s",
            "text": "t",
            "to": ["money@desk.example"],
            "team": "billing",
            "late": True,
        }

    def test_the_assignee_by_the_address_the_roster_knows(self):
        assert reached("assignee", roster=a_roster(an_agent(MAYA_AT))) == ["maya@desk.example"]
        assert reached("assignee", roster=a_roster()) == []
        assert reached("assignee") == []

    def test_their_own_address_comes_first(self):
        other = replace(MAYA, email="private@maya.example")

        assert reached("assignee", assignee=other, roster=a_roster(an_agent(MAYA_AT))) == ["private@maya.example"]

    def test_the_target(self):
        assert reached("target", target=OLEG_AT) == ["oleg@desk.example"]
        assert reached("target") == []

    @pytest.mark.parametrize(
        ("team", "address"),
        [
            (BILLING, "money@desk.example"),
            (Person("3", "support"), "help@desk.example"),
            (Person("9", "others"), "lead@desk.example"),
        ],
    )
    def test_the_lead_of_the_team_by_name_or_id_else_the_usual_one(self, team, address):
        assert reached("lead", team=team) == [address]

    def test_the_lead_of_a_ticket_without_a_team(self):
        assert reached("lead", ticket=replace(TICKET, team=None)) == ["lead@desk.example"]

    def test_each_address_once_and_strangers_never(self):
        both = reached("assignee", "target", "boss@desk.example", "nobody", assignee=OLEG_AT, target=OLEG_AT)

        assert both == ["oleg@desk.example", "boss@desk.example"]
