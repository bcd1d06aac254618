"""The spool survives crashes, torn writes, full disks and two processes at once, and gives everything back once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.unit.webhooks.world import ConnectionLost, World, a_receipt, in_threads
from webhooks import spool_drain, spool_frames
from webhooks.spool import Spool, SpoolFailed, count, refused
from webhooks.spool_frames import Damage
from webhooks.spool_segment import Segment
from worker.store.inbox import Receipt


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    opened: list[Spool] = []

    def open_(max_bytes: int = 1 << 20, **given: int) -> Spool:
        spool = Spool(tmp_path / "spool", max_bytes=max_bytes, **given)
        spool.open()
        opened.append(spool)
        return spool

    yield open_
    for spool in opened:
        spool.close()


class Inbox:
    """Remembers what was put back; refuses what it is told to."""

    def __init__(self, refuse: Sequence[str] = ()) -> None:
        self.receipts: list[Receipt] = []
        self.refuse = set(refuse)

    def __call__(self, receipts: Sequence[Receipt]) -> None:
        if self.refuse & {receipt.receipt_id for receipt in receipts}:
            raise ValueError("cannot store this")
        self.receipts += receipts


def fill(spool: Spool, *numbers: int) -> list[Receipt]:
    receipts = [a_receipt(n) for n in numbers]
    for receipt in receipts:
        spool.append(receipt, timeout=5)
    return receipts


def only_file(spool: Spool) -> Path:
    (path,) = spool.directory.glob("*.spool")
    return path


class TestFrames:
    @given(
        body=st.binary(max_size=300),
        delivery_id=st.none() | st.text(),
        headers=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4),
        truncated=st.booleans(),
        dead_cause=st.none() | st.just("too_large"),
    )
    def test_what_goes_in_comes_out(self, tmp_path_factory: pytest.TempPathFactory, **given: object) -> None:
        receipt = a_receipt(1, **given)
        path = tmp_path_factory.mktemp("frames") / "x"
        path.write_bytes(spool_frames.encode(receipt) * 2)

        with path.open("rb") as file:
            frames = list(spool_frames.read(file))
            assert [frame.receipt for frame in frames] == [receipt, receipt]  # type: ignore[union-attr]
            assert spool_frames.count(file) == 2

    @given(cut=st.integers(min_value=0, max_value=10_000))
    @hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_however_the_file_was_torn_every_whole_frame_survives(self, cut: int, tmp_path: Path) -> None:
        whole = [spool_frames.encode(a_receipt(n, body=b"HDS1" * n)) for n in range(5)]
        content = b"".join(whole)[: cut % (sum(map(len, whole)) + 1)]
        path = tmp_path / "torn"
        path.write_bytes(content)

        with path.open("rb") as file:
            found = list(spool_frames.read(file))

        survivors, rest = 0, len(content)
        while survivors < 5 and rest >= len(whole[survivors]):
            rest -= len(whole[survivors])
            survivors += 1
        tail = [part for part in found if isinstance(part, Damage)]
        assert len(found) - len(tail) == survivors
        assert [(part.length, part.is_tail) for part in tail] == ([(rest, True)] if rest else [])


class TestAppend:
    def test_many_share_one_file_and_all_are_there(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()

        in_threads(*(partial(spool.append, a_receipt(n), timeout=5) for n in range(30)))

        assert count(spool.directory) == 30
        only_file(spool)

    def test_it_is_on_the_disk_before_it_is_answered(
        self, open_spool: Callable[..., Spool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool = open_spool()
        sizes = []
        real = os.fdatasync

        def watched(descriptor: int) -> None:
            sizes.append(os.fstat(descriptor).st_size)
            real(descriptor)

        monkeypatch.setattr(os, "fdatasync", watched)
        fill(spool, 1)

        assert sizes == [only_file(spool).stat().st_size]

    def test_full_is_refused_and_free_again_after_a_drain(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool(max_bytes=1000)
        with pytest.raises(SpoolFailed, match="full"):
            fill(spool, *range(20))

        spool_drain.drain(spool, Inbox())

        fill(spool, 21)
        assert count(spool.directory) == 1

    @pytest.mark.parametrize("call", ["fdatasync", "write"])
    def test_a_failing_disk_is_an_error_and_damages_nothing(
        self, call: str, open_spool: Callable[..., Spool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool = open_spool()
        fill(spool, 1)

        def broken(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            if call == "fdatasync":
                patched.setattr(os, "fdatasync", broken)
            else:
                patched.setattr(Segment, "append", broken)
            with pytest.raises(SpoolFailed, match="No space left"):
                fill(spool, 2)
            assert not spool.has_room()
        fill(spool, 3)

        inbox = Inbox()
        spool_drain.drain(spool, inbox)
        assert {"receipt-1", "receipt-3"} <= {receipt.receipt_id for receipt in inbox.receipts}

    def test_a_short_write_is_taken_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        segment = Segment.create(tmp_path / "a.spool")
        segment.append([b"whole"])

        class Short:
            def __init__(self, file: object) -> None:
                self._file = file

            def write(self, view: memoryview) -> int:
                if len(view) < 5:
                    raise OSError(28, "No space left on device")
                return int(self._file.write(view[:3]))  # type: ignore[attr-defined]

            def __getattr__(self, name: str) -> object:
                return getattr(self._file, name)

        monkeypatch.setattr(segment, "file", Short(segment.file))
        with pytest.raises(OSError, match="No space"):
            segment.append([b"torn!"])

        assert (tmp_path / "a.spool").read_bytes() == b"whole"
        segment.close()

    def test_segments_roll(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool(segment_bytes=600)

        fill(spool, *range(6))

        assert len(list(spool.directory.glob("*.spool"))) > 1
        assert count(spool.directory) == 6


class TestDrain:
    def test_everything_comes_back_in_order_and_the_file_goes(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox()
        receipts = fill(spool, *range(5))

        assert spool_drain.drain(spool, inbox) == 5
        assert inbox.receipts == receipts
        assert (count(spool.directory), list(spool.directory.glob("*"))) == (0, [])

    def test_what_arrives_meanwhile_waits_for_the_next_round(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()
        fill(spool, 1)

        def store(_receipts: Sequence[Receipt]) -> None:
            fill(spool, 2)

        assert spool_drain.drain(spool, store) == 1
        assert count(spool.directory) == 1

    def test_a_refused_record_is_set_aside_with_its_bytes(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox(refuse=["receipt-3"])
        fill(spool, *range(8))

        assert spool_drain.drain(spool, inbox) == 7
        assert refused(spool.directory) == 1
        with (spool.directory / "refused" / "receipt-3.spool").open("rb") as file:
            (frame,) = spool_frames.read(file)
        assert frame.receipt == a_receipt(3)  # type: ignore[union-attr]
        assert spool_drain.drain(spool, inbox) == 0

    def test_when_the_store_is_away_nothing_is_lost_or_set_aside(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()
        fill(spool, 1, 2)

        def away(_receipts: Sequence[Receipt]) -> None:
            raise ConnectionLost

        with pytest.raises(type(ConnectionLost)):
            spool_drain.drain(spool, away)

        assert (count(spool.directory), refused(spool.directory)) == (2, 0)
        assert spool_drain.drain(spool, Inbox()) == 2

    def test_damage_in_the_middle_is_kept_and_what_follows_is_saved(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox()
        fill(spool, 1, 2, 3)
        path = only_file(spool)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        with path.open("r+b") as file:
            file.write(content)

        assert spool_drain.drain(spool, inbox) == 2
        assert [receipt.receipt_id for receipt in inbox.receipts] == ["receipt-1", "receipt-3"]
        assert refused(spool.directory) == 1

    def test_through_the_real_inbox_it_is_counted_once(self, world: World) -> None:
        world.commits.is_away = True
        world.acceptor.accept(a_receipt(1))
        world.acceptor.accept(a_receipt(2, dedupe_key=a_receipt(1).dedupe_key))
        assert world.drainer.round() == 0  # nobody asks a store that is known to be away

        world.commits.is_away = False
        world.health.back()

        assert world.drainer.round() == 2
        first, second = world.rows()
        assert (second.duplicate_of, world.woken) == (first.id, [[first.id]])


class TestOwners:
    def test_a_living_process_keeps_its_segments(self, open_spool: Callable[..., Spool]) -> None:
        one, other = open_spool(), open_spool()
        fill(one, 1)

        assert other.adopt() == 0

    def test_a_dead_ones_are_adopted_once(self, open_spool: Callable[..., Spool]) -> None:
        one, other, third = open_spool(), open_spool(), open_spool()
        fill(one, 1, 2)
        one.close()

        assert (other.adopt(), third.adopt()) == (1, 0)
        assert spool_drain.drain(other, Inbox()) == 2

    def test_a_torn_tail_is_cut_and_the_rest_comes_back(self, open_spool: Callable[..., Spool]) -> None:
        one, other, inbox = open_spool(), open_spool(), Inbox()
        fill(one, 1, 2)
        path = only_file(one)
        one.close()
        with path.open("ab") as file:
            file.write(spool_frames.encode(a_receipt(3))[:-1])

        other.adopt()

        assert spool_drain.drain(other, inbox) == 2
        assert refused(one.directory) == 0

    @pytest.mark.parametrize(("failpoint", "survivors"), [("spool.after_write", {0, 1}), ("spool.after_sync", {1})])
    def test_killed_in_the_middle_it_loses_nothing_it_promised(
        self, failpoint: str, survivors: set[int], open_spool: Callable[..., Spool], tmp_path: Path
    ) -> None:
        code = (
            "import sys; from pathlib import Path; from tests.unit.webhooks.world import a_receipt;"
            "from webhooks.spool import Spool; s = Spool(Path(sys.argv[1]), max_bytes=1 << 20); s.open();"
            "s.append(a_receipt(1), timeout=5); s.append(a_receipt(2), timeout=5)"
        )
        env = {**os.environ, "HOOKDESK_FAILPOINT": f"{failpoint}:1"}
        died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "spool")], env=env, check=False, timeout=60)
        assert died.returncode == -signal.SIGKILL

        spool, inbox = open_spool(), Inbox()
        spool.adopt()

        assert spool_drain.drain(spool, inbox) in survivors

    def test_a_drain_that_died_halfway_is_repeated(self, open_spool: Callable[..., Spool], world: World) -> None:
        one, other = open_spool(), open_spool()
        receipts = fill(one, 1, 2)
        world.commits(receipts)  # stored, and then the process died before it could remove the file
        one.close()

        other.adopt()
        spool_drain.drain(other, lambda batch: world.commits(batch) and None)

        assert len(world.rows()) == 2
