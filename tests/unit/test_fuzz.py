"""The counting of hostile cases can fail: each thing that must never happen is made to happen here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fuzz import cases, corpus, counting, door, making, parsers, report, wired
from tests.fuzz.counting import Count, every, merged
from tests.fuzz.promised import Promised, compare
from tests.unit.webhooks.world import a_receipt
from webhooks import signature
from webhooks.front import Front
from worker.intake import form
from worker.store import inbox
from worker.store.database import Database


def counted(judge: Any, times: int = 3) -> Count:
    count = Count("test")
    every(count, times, lambda: b"given", judge)
    return count


class TestCounting:
    def test_what_ends_well_is_counted_by_its_outcome(self) -> None:
        count = counted(lambda given: given.decode())

        assert (count.cases, count.faulty, dict(count.outcomes)) == (3, 0, {"given": 3})

    def test_an_exception_is_a_fault_with_its_input(self) -> None:
        count = counted(lambda _: 1 // 0)

        assert (count.cases, count.faulty) == (3, 3)
        assert "ZeroDivisionError" in count.faults[0] and "Z2l2ZW4=" in count.faults[0]

    def test_taking_too_long_is_a_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counting, "HANG_SECONDS", 0.001)

        assert counted(lambda _: "done" if sum(range(10**6)) else "", times=1).faulty == 1

    def test_rounds_are_added_up(self) -> None:
        one, other = counted(lambda _: "a"), counted(lambda _: 1 // 0)

        (both,) = merged([one, other])

        assert (both.cases, both.faulty, both.outcomes["a"], len(both.faults)) == (6, 3, 3, 3)

    def test_the_report_can_be_read_again(self, tmp_path: Path) -> None:
        page = report.write(tmp_path, [counted(lambda _: 1 // 0)], first_seed=1, last_seed=2, folder=tmp_path)

        assert "| test | 3 | fault 3 |" in page.read_text()
        assert json.loads((tmp_path / "hostile.json").read_text())["kinds"][0]["faulty"] == 3


class TestMaking:
    def test_one_seed_makes_one_run(self) -> None:
        def some(seed: int) -> list[bytes]:
            rng = Random(seed)
            return [making.damaged(rng, corpus.samples("chatwoot")) for _ in range(50)]

        assert some(1) == some(1) != some(2)

    def test_every_kind_of_case_comes_up(self) -> None:
        rng = Random(1)

        assert {cases.one(rng).kind for _ in range(500)} == set(cases.KINDS)
        assert {wired.one(rng).kind for _ in range(500)} == set(wired.KINDS)


class TestParsers:
    def test_sound_ones_have_no_fault(self) -> None:
        counts = parsers.run(1, 2000, lambda _: None)

        assert sum(count.faulty for count in counts) == 0
        assert sum(count.cases for count in counts) >= 2000

    def test_a_parser_with_another_error_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(form, "text", lambda fields, name: fields[name])

        assert _faulty("bodies: form") > 0

    def test_a_signature_that_is_not_compared_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(signature.hmac, "compare_digest", lambda _one, _other: True)

        assert _faulty("signatures") > 0

    def test_facts_that_no_store_can_keep_are_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("worker.intake.reading.clean", lambda value: value)

        with pytest.raises(AssertionError, match="NUL"):
            parsers.facts_of("chatwoot", corpus.bodies()["NUL in text"])

    def test_what_is_unparsable_is_no_fault(self) -> None:
        assert parsers.facts_of("form", b"") == "unparsable"


def _faulty(kind: str) -> int:
    (count,) = [count for count in parsers.run(1, 3000, lambda _: None) if count.kind == kind]
    return count.faulty


class TestDoor:
    def test_a_sound_one_has_no_fault(self, tmp_path: Path) -> None:
        counts = door.run(1, 400, lambda _: None, tmp_path)

        assert [fault for count in counts for fault in count.faults] == []
        assert sum(count.cases for count in counts) == 400

    def test_an_answer_before_the_commit_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def early(db: Database, receipts: Any) -> list[inbox.Accepted]:
            kept = accept(db, receipts[:-1])
            return [*kept, inbox.Accepted(receipts[-1].receipt_id, 1, None)]

        accept = inbox.accept
        monkeypatch.setattr("webhooks.door.inbox.accept", early)

        counts = door.run(1, 200, lambda _: None, tmp_path)

        assert any("lost: answered 200" in fault for count in counts for fault in count.faults)

    def test_a_front_that_fails_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fails(*_: Any) -> None:
            await asyncio.sleep(0)
            raise RuntimeError("a bug")

        monkeypatch.setattr(Front, "_serve", fails)

        counts = door.run(1, 50, lambda _: None, tmp_path)

        assert sum(count.faulty for count in counts) >= 50


class TestPromised:
    @pytest.fixture
    def db(self, tmp_path: Path) -> Database:
        db = Database.open(f"sqlite:///{tmp_path / 'promised.db'}")
        db.migrate()
        inbox.accept(db, [a_receipt(1), a_receipt(2)])
        return db

    @pytest.mark.parametrize(
        ("answered", "faults"),
        [
            ([("receipt-1", b'{"n":1}'), ("receipt-2", b'{"n":2}')], 0),
            ([("receipt-1", None), ("receipt-2", None)], 0),
            ([("receipt-1", b'{"n":1}'), ("receipt-2", b"other bytes")], 1),
            ([("receipt-1", b'{"n":1}')], 1),
            ([("receipt-1", b'{"n":1}'), ("receipt-3", b'{"n":2}')], 1),
        ],
        ids=["kept", "whatever came", "changed", "kept without an answer", "lost"],
    )
    def test_the_inbox_is_compared_with_the_answers(
        self, answered: list[tuple[str, bytes | None]], faults: int, db: Database
    ) -> None:
        promised, count = Promised(), Count("test")
        for receipt, body in answered:
            promised.took(json.dumps({"receipt": receipt, "status": "accepted"}).encode(), body)

        compare(db, promised, count, is_all=True)

        assert count.faulty == faults
        db.dispose()
