"""[[escalation]], [closing], [notices], [[fields]] and the checks of categories in the policy file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.test_policy_file import mistakes_of, policy_of
from worker.domain.matching import found, prose
from worker.domain.policy import ClosingPolicy, EscalationLevel, FieldRule
from worker.policy_file import load_policy

HOUR = timedelta(hours=1)
RULES = {each.name: each for each in load_policy(None).escalation}


class TestTheFirstFive:
    def test_their_reasons_and_conditions(self) -> None:
        assert [(each.reason, each.min_messages, each.breached) for each in RULES.values()] == [
            ("the customer asks for a human", 0, ()),
            ("billing or refund", 0, ()),
            ("a bug that touches data integrity", 0, ()),
            ("legal or compliance", 0, ()),
            ("three or more customer messages without resolution", 3, ()),
            ("a promised time has passed", 0, ("first_response", "next_response", "resolution")),
        ]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("asks for a human", "Can I please talk to a human?"),
            ("asks for a human", "I want a real person"),
            ("billing or refund", "I want a refund."),
            ("billing or refund", "My invoice is wrong"),
            ("billing or refund", "Who handles billing?"),
            ("data integrity", "After the update our records are corrupted"),
            ("data integrity", "We lost all our notes"),
            ("data integrity", "I see someone else’s data"),
            ("legal or compliance", "You will hear from my lawyer"),
            ("legal or compliance", "A request under GDPR"),
        ],
    )
    def test_their_words(self, name: str, text: str) -> None:
        assert [each.name for each in RULES.values() if found(each.words, prose(text))] == [name]

    def test_an_ordinary_question_is_none_of_them(self) -> None:
        text = prose("Hello, how do I change the language of my account? It would help me a lot.")

        assert [each.name for each in RULES.values() if found(each.words, text)] == []

    def test_how_far_they_raise_the_priority(self) -> None:
        assert [each.priority for each in RULES.values()] == ["high", "high", "urgent", "high", "high", "high"]

    def test_how_long_each_level_waits(self) -> None:
        waits = {name: [level.after for level in each.levels] for name, each in RULES.items()}
        none = timedelta(0)

        assert waits == {
            "asks for a human": [none, HOUR],
            "billing or refund": [none, 4 * HOUR],
            "data integrity": [none, HOUR / 2],
            "legal or compliance": [none, 4 * HOUR],
            "three messages": [none, 4 * HOUR],
            "promise broken": [none, HOUR, 4 * HOUR],
        }

    def test_everybody_concerned_is_told(self) -> None:
        assert {each.notify for each in RULES.values()} == {("assignee", "target", "lead")}


class TestClosingDefaults:
    def test_the_numbers(self) -> None:
        closing = load_policy(None).closing

        assert (closing.enabled, closing.quiet, closing.notice, closing.wait, closing.health_check) == (
            True, timedelta(days=5), timedelta(days=1), timedelta(minutes=5), timedelta(days=7),
        )  # fmt: skip

    def test_they_are_the_same_without_a_file(self) -> None:
        closing = replace(load_policy(None).closing, confirm_words=(), polite_words=())

        assert closing == ClosingPolicy()

    def test_what_each_category_needs(self) -> None:
        needs = {each.name: each.done for each in load_policy(None).categories if each.done}

        assert needs == dict.fromkeys(("outage", "account_access", "billing", "bug"), ("replied",))

    def test_nobody_is_named_for_notices(self) -> None:
        notices = load_policy(None).notices

        assert (notices.leads, notices.webhook, notices.late) == ((), "", timedelta(minutes=5))


class TestWhatAFileSays:
    def test_a_rule(self, tmp_path: Path) -> None:
        [rule] = policy_of(
            tmp_path,
            '[[escalation]]\nname = "big"\nreason = "a big customer"\ntiers = ["gold"]\nmin_messages = 2\n'
            'priority = "urgent"\nnotify = ["lead", "boss@desk.example"]\n'
            'levels = [{}, { after = "2h", team = 7 }, { after = "1d", team = "board" }]\n',
        ).escalation

        assert (rule.name, rule.reason, rule.tiers, rule.min_messages) == ("big", "a big customer", ("gold",), 2)
        assert (rule.priority, rule.notify) == ("urgent", ("lead", "boss@desk.example"))
        assert rule.levels == (
            EscalationLevel(),
            EscalationLevel(2 * HOUR, "7"),
            EscalationLevel(24 * HOUR, "board"),
        )

    def test_a_rule_without_a_reason_is_its_own_and_has_one_level(self, tmp_path: Path) -> None:
        [rule] = policy_of(tmp_path, '[[escalation]]\nname = "gold"\ntiers = ["gold"]\n').escalation

        assert (rule.reason, rule.levels) == ("gold", (EscalationLevel(),))

    def test_closing_is_taken_key_by_key(self, tmp_path: Path) -> None:
        closing = policy_of(tmp_path, '[closing]\nquiet = "2d"\nconfirm_words = ["danke"]\n').closing

        assert (closing.quiet, closing.notice) == (timedelta(days=2), timedelta(days=1))
        assert closing.confirm_words == ("danke",)

    def test_notices(self, tmp_path: Path) -> None:
        notices = policy_of(
            tmp_path,
            '[notices]\nwebhook = "https://chat.example.com/x"\nlate = "1m"\n'
            '[notices.leads]\ndefault = "a@desk.example"\nbilling = ["b@desk.example", "c@desk.example"]\n',
        ).notices

        assert notices.leads == (("", "a@desk.example"), ("billing", "b@desk.example"), ("billing", "c@desk.example"))
        assert (notices.webhook, notices.late) == ("https://chat.example.com/x", timedelta(minutes=1))

    def test_fields_and_checks(self, tmp_path: Path) -> None:
        policy = policy_of(
            tmp_path,
            '[[fields]]\nname = "order"\nattribute = "order_number"\n'
            '[[fields]]\nname = "plan"\nkind = "one_of"\nvalues = ["free", "paid"]\n'
            '[[categories]]\nname = "other"\nreport_line = "Other"\n'
            'done = ["field:order", "label:checked", "replied"]\n',
        )

        assert policy.fields == (
            FieldRule("order", attribute="order_number"),
            FieldRule("plan", "one_of", values=("free", "paid")),
        )
        assert policy.categories[0].done == ("field:order", "label:checked", "replied")


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "mistake"),
        [
            ('[[escalation]]\nname = "all"\n', "hookdesk.toml:2: this rule would escalate every ticket."),
            ('[[escalation]]\nwords = ["x"]\n', "hookdesk.toml:1: name is missing."),
            ('[[escalation]]\nname = "by_hand:x"\nwords = ["x"]\n', "cannot name a rule"),
            ('[[escalation]]\nname = "x"\ncategories = ["nonsense"]\n', "nonsense is not one of"),
            ('[[escalation]]\nname = "x"\nwords = ["x"]\npriority = "hgih"\n', "Did you mean high?"),
            ('[[escalation]]\nname = "x"\nwords = ["x"]\nnotify = ["boss"]\n', "boss is not assignee, target, lead"),
            ('[[escalation]]\nname = "x"\nwords = ["x"]\nlevels = [{ afetr = "1h" }]\n', "Did you mean after?"),
            ('[[escalation]]\nname = "x"\nbreached = ["sla"]\n', "sla is not one of first_response"),
            ('[closing]\nquiet = "1h"\n', "the notice would go out before the ticket is resolved"),
            ('[closing]\nmessage = "until {day}"\n', "Nothing fills in {day}"),
            ('[closing]\nmessage = "{requester}, until {date}"\n', "Nothing fills in {requester}"),
            ('[closing]\nresolution_from = ["mail"]\n', "mail is not one of attribute, note, reply"),
            ('[notices.leads]\nbilling = "nobody"\n', "'nobody' is not an address"),
            ('[notices]\nwebhook = "http://10.0.0.1/x"\n', "10.0.0.1 is a private address"),
            ('[[fields]]\nname = "Order No"\n', "Use small letters, digits and _"),
            ('[[fields]]\nname = "plan"\nkind = "one_of"\n', "values and the kind one_of belong together"),
            ('[[fields]]\nname = "a"\n[[fields]]\nname = "a"\n', "stands in fields twice"),
            ('[[categories]]\nname = "other"\nreport_line = "O"\ndone = ["signed"]\n', "There is no check 'signed'"),
            ('[[categories]]\nname = "other"\nreport_line = "O"\ndone = ["field:x"]\n', "There is no field 'x'"),
        ],
    )
    def test_each_is_told(self, tmp_path: Path, text: str, mistake: str) -> None:
        assert mistake in "\n".join(mistakes_of(tmp_path, text))
