import pytest

from tests.builders import a_policy
from worker.domain.facts import Person
from worker.domain.intake import categorise, is_automatic, kind_of_mail, missing, subject_from
from worker.domain.matching import found, named, prose
from worker.domain.policy import Category

POLICY = a_policy()


class TestCategorise:
    @pytest.mark.parametrize(
        ("labels", "text", "category", "why"),
        [
            ((), "my INVOICE, please", "billing", "word invoice"),
            (("Shipping",), "my invoice", "shipping", "label Shipping"),
            ((), "invoice for the parcel delivery", "shipping", "word parcel, delivery"),
            ((), "invoice and parcel", "billing", "word invoice"),
            ((), "hello", "other", "nothing matched, so the default"),
            (("unknown",), "", "other", "nothing matched, so the default"),
        ],
    )
    def test_labels_then_words_then_the_default(self, labels, text, category, why):
        assert categorise(POLICY, labels=labels, prose=prose(text)) == (category, why)

    def test_the_result_is_always_of_the_closed_list(self):
        policy = a_policy(categories=(Category("only", "Line"),), default_category="only")

        assert categorise(policy, labels=("x",), prose=prose("refund"))[0] == "only"


class TestWords:
    @pytest.mark.parametrize(
        ("word", "text", "matches"),
        [
            ("down", "It is DOWN!", True),
            ("down", "please download it", False),
            ("log in", "I cannot log\n in.", True),
            ("two-factor", "Two factor code", True),
            ("doesn't work", "It doesn’t work", True),
            ("rückgabe", "RÜCKGABE", True),
            ("", "anything", False),
            ("?!", "anything", False),
        ],
    )
    def test_they_match_whole_and_without_case(self, word, text, matches):
        assert bool(found((word,), prose(text))) is matches

    def test_an_empty_matcher_names_everything(self):
        assert named((), None)
        assert named(("Gold",), "gold")
        assert not named(("gold",), None)


class TestRequiredFields:
    def test_a_person_without_anything_is_missing(self):
        assert missing(requester=Person(), channel="email", subject="x") == ("requester",)
        assert missing(requester=Person(email="a@b.example"), channel="", subject="") == ("channel", "subject")

    def test_a_subject_of_a_short_text_is_the_text_on_one_line(self):
        assert subject_from(" a\n\tb ") == "a b"


class TestKindOfMail:
    @pytest.mark.parametrize(
        ("headers", "given", "kind"),
        [
            ([], {}, "human"),
            ([("Auto-Submitted", "no")], {}, "human"),
            ([("auto-submitted", "Auto-Replied; vacation")], {}, "auto_reply"),
            ([("X-Autoreply", "YES")], {}, "auto_reply"),
            ([("Precedence", "auto_reply")], {}, "auto_reply"),
            ([("Auto-Submitted", "auto-generated")], {}, "auto_generated"),
            ([("Auto-Submitted", "auto-generated")], {"is_answer": True}, "auto_reply"),
            ([("List-Id", "<news>")], {}, "mailing_list"),
            ([("Precedence", "Bulk")], {}, "mailing_list"),
            ([("Content-Type", "multipart/report; report-type=delivery-status")], {}, "bounce"),
            ([], {"sender": "MAILER-DAEMON@mx.example", "envelope_from": "<>"}, "bounce"),
            ([], {"sender": "MAILER-DAEMON@mx.example", "envelope_from": "a@b.example"}, "human"),
            ([("Content-Type", "multipart/report; report-type=delivery-status"), ("X-Autoreply", "yes")], {}, "bounce"),
        ],
    )
    def test_the_first_rule_that_fits_wins(self, headers, given, kind):
        defaults = {"sender": "jane@customer.example", "envelope_from": None, "is_answer": False}

        assert kind_of_mail(headers, **{**defaults, **given}) == kind
        assert is_automatic(kind) is (kind != "human")
