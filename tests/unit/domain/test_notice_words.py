"""What an operator's notice says: alone, and when it stands for many."""

from __future__ import annotations

import json

from worker.domain.notice_words import LONGEST_LISTED, LONGEST_SUBJECT, LONGEST_TEXT, MOST_LISTED, Notice, told_together


def a_notice(n: int = 1, **given: object) -> Notice:
    payload = {
        "subject": f"Breach {n}",
        "text": f"Too late {n}.",
        "to": ["lead@x.example"],
        "team": "billing",
        "late": True,
    }
    return Notice.of({**payload, **given}, ticket_id=n)


class TestAlone:
    def test_it_is_told_as_it_was_written(self) -> None:
        notice = told_together([a_notice(7, late=False)])

        assert (notice.subject, notice.text, notice.to) == ("Breach 7", "Too late 7.", ("lead@x.example",))
        assert notice.data() == {
            "subject": "Breach 7", "text": "Too late 7.", "team": "billing", "late": False, "count": 1,
            "tickets": [{"ticket_id": 7, "subject": "Breach 7"}],
        }  # fmt: skip

    def test_it_can_be_kept_between_tries(self) -> None:
        notice = a_notice(7)

        assert Notice.from_json(json.loads(json.dumps(notice.as_json()))) == notice

    def test_nobody_is_named_twice(self) -> None:
        assert a_notice(1, to=["a@x.example", "b@x.example", "a@x.example"]).to == ("a@x.example", "b@x.example")


class TestTogether:
    def test_it_lists_them_all_for_all(self) -> None:
        notice = told_together([a_notice(1), a_notice(2, to=["maya@x.example", "lead@x.example"]), a_notice(3)])

        assert notice.subject == "3 late notices of team billing"
        assert notice.text.splitlines() == [
            "3 notices of team billing come late, so they are told together:",
            "",
            "- t1: Breach 1",
            "- t2: Breach 2",
            "- t3: Breach 3",
        ]
        assert notice.to == ("lead@x.example", "maya@x.example")
        assert (notice.count, notice.late) == (3, True)

    def test_a_long_list_is_cut_and_counted(self) -> None:
        notice = told_together([a_notice(n) for n in range(1, 101)])

        assert MOST_LISTED == 25
        assert (notice.count, len(notice.items)) == (100, 25)
        assert notice.text.splitlines()[-1].startswith("- and 75 more;")

    def test_those_without_a_team_are_told_without_one(self) -> None:
        assert told_together([a_notice(1, team=None), a_notice(2, team=None)]).subject == "2 late notices"

    def test_whatever_they_say_it_fits_a_webhook(self) -> None:
        huge = {"subject": "\U0001f600" * 5000, "text": "\U0001f600" * 9000, "team": "x" * 60}

        for many in (1, 2, 100):
            notice = told_together([a_notice(n, **huge) for n in range(many)])
            assert len(json.dumps(notice.data(), ensure_ascii=False).encode()) < 19_500

    def test_the_numbers(self) -> None:
        assert (LONGEST_SUBJECT, LONGEST_TEXT, LONGEST_LISTED) == (200, 4000, 80)
        assert len(a_notice(1, subject="x" * 300).subject) == 200
        assert len(a_notice(1, text="x" * 5000).text) == 4000
        assert len(a_notice(1, subject="x" * 300).items[0].subject) == 80
