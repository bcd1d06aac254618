"""Statuses and priorities as people write them."""

from __future__ import annotations

import pytest

from worker.domain.groups import GROUPS, priority_of, statuses_of
from worker.domain.ticket import Status


class TestStatuses:
    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("new", ["new"]),
            ("In-Progress", ["in_progress"]),
            ("in progress", ["in_progress"]),
            ("IN_PROGRESS", ["in_progress"]),
            (" Open ", ["new", "triaged", "in_progress"]),
            ("active", ["new", "triaged", "in_progress"]),
            ("waiting", ["pending_customer"]),
            ("pending", ["pending_customer"]),
            ("On hold", ["pending_customer"]),
            ("snoozed", ["pending_customer"]),
            ("done", ["resolved", "closed"]),
            ("Solved", ["resolved"]),
        ],
    )
    def test_a_word_means_a_status_or_a_group(self, word: str, meant: list[str]) -> None:
        assert list(statuses_of([word])) == meant

    def test_several_words_mean_all_of_theirs_in_the_order_of_the_work(self) -> None:
        assert statuses_of(["resolved", "open"]) == (
            Status.NEW, Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED,
        )  # fmt: skip

    def test_every_status_is_in_one_group(self) -> None:
        assert sorted(status for group in GROUPS.values() for status in group) == sorted(Status)

    def test_an_unknown_word_gets_a_suggestion(self) -> None:
        with pytest.raises(ValueError, match=r"'resolvd' is not a status; did you mean resolved\?"):
            statuses_of(["resolvd"])

    def test_a_hopeless_word_gets_the_list(self) -> None:
        with pytest.raises(ValueError, match=r"use one of new, triaged, .*, open, waiting, done"):
            statuses_of(["xyzzy"])


class TestPriorities:
    @pytest.mark.parametrize(
        ("word", "meant"), [("HIGH", "high"), ("normal", "medium"), ("Critical", "urgent"), ("p4", "low")]
    )
    def test_a_word_means_a_priority(self, word: str, meant: str) -> None:
        assert priority_of(word) == meant

    def test_an_unknown_word_gets_a_suggestion(self) -> None:
        with pytest.raises(ValueError, match=r"'urgnt' is not a priority; did you mean urgent\?"):
            priority_of("urgnt")
