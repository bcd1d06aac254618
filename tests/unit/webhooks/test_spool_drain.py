"""What was spooled comes back once: through refusals, damage, outages, dead owners and kills."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.unit.webhooks.spooling import Inbox, fill, only_file
from tests.unit.webhooks.world import ConnectionLost, World, a_receipt
from webhooks import spool_drain, spool_frames
from webhooks.spool import Spool, count, refused
from webhooks.spool_segment import SETTLED_SECONDS
from worker.store.inbox import Receipt


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

    def test_one_that_takes_too_long_holds_nobody_up_and_is_tried_again(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox(slow=["receipt-3"])
        fill(spool, *range(8))

        assert spool_drain.drain(spool, inbox) == 7
        for n in (8, 9):
            fill(spool, n)
            spool.adopt()
            assert spool_drain.drain(spool, inbox) == 1
        assert (count(spool.directory), refused(spool.directory)) == (1, 0)

        inbox.slow.clear()
        assert spool_drain.drain(spool, inbox) == 1
        assert sorted(receipt.receipt_id for receipt in inbox.receipts) == [f"receipt-{n}" for n in range(10)]
        assert list(spool.directory.iterdir()) == []

    def test_moved_up_again_it_is_stored(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()
        fill(spool, 3)
        spool_drain.drain(spool, Inbox(refuse=["receipt-3"]))

        (spool.directory / "refused" / "receipt-3.spool").rename(spool.directory / "receipt-3.spool")
        spool.adopt()

        assert spool_drain.drain(spool, Inbox()) == 1

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

    def test_damage_at_the_end_is_kept_too_unless_it_was_torn_off(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox()
        fill(spool, 1, 2)
        path = only_file(spool)
        content = bytearray(path.read_bytes())
        content[-1] ^= 0xFF
        path.write_bytes(content)

        assert spool_drain.drain(spool, inbox) == 1
        assert refused(spool.directory) == 1

    def test_a_record_of_another_version_is_kept_and_holds_nobody_up(
        self, open_spool: Callable[..., Spool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool, inbox = open_spool(), Inbox()
        with monkeypatch.context() as newer:
            newer.setattr(spool_frames, "encode", lambda receipt: _of_a_newer_version(receipt))
            fill(spool, 1)
        fill(spool, 2)

        assert spool_drain.drain(spool, inbox) == 1
        assert refused(spool.directory) == 1

    def test_a_file_that_cannot_be_read_holds_nobody_up(
        self, open_spool: Callable[..., Spool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool, inbox = open_spool(segment_bytes=1), Inbox()
        fill(spool, 1, 2, 3)
        read, bad = spool_frames.read, spool.sealed()[0].file

        def unreadable(file: BinaryIO, offset: int = 0) -> Iterator[spool_frames.Frame | spool_frames.Damage]:
            if file is bad:
                raise OSError(errno.EIO, "Input/output error")
            return read(file, offset)

        monkeypatch.setattr(spool_frames, "read", unreadable)

        assert spool_drain.drain(spool, inbox) == 2
        assert count(spool.directory) == 1

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


def settle(path: Path) -> None:
    """Nobody has written to it for a while."""
    at = time.time() - 2 * SETTLED_SECONDS
    os.utime(path, (at, at))


def _of_a_newer_version(receipt: Receipt) -> bytes:
    header = json.dumps({"receipt_id": receipt.receipt_id, "colour": "green"}).encode()
    crc = zlib.crc32(receipt.body, zlib.crc32(header))
    return spool_frames._HEAD.pack(spool_frames.MAGIC, len(header), len(receipt.body), crc) + header + receipt.body


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

    def test_a_torn_tail_is_cut_and_kept_and_the_rest_comes_back(self, open_spool: Callable[..., Spool]) -> None:
        one, other, inbox = open_spool(), open_spool(), Inbox()
        fill(one, 1, 2)
        path = only_file(one)
        one.close()
        torn = spool_frames.encode(a_receipt(3))[:-1]
        with path.open("ab") as file:
            file.write(torn)
        settle(path)

        other.adopt()

        assert spool_drain.drain(other, inbox) == 2
        assert (count(one.directory), refused(one.directory)) == (0, 0)
        assert [kept.read_bytes() for kept in (one.directory / "torn").iterdir()] == [torn]

    def test_one_that_is_still_being_copied_in_is_waited_for(self, open_spool: Callable[..., Spool]) -> None:
        lost, spool, inbox = open_spool(), open_spool(), Inbox()
        fill(lost, 1, 2, 3)
        path = only_file(lost)
        content = path.read_bytes()
        lost.close()
        path.unlink()

        with (spool.directory / "copy.spool").open("wb", buffering=0) as copy:
            copy.write(content[: len(content) // 2])
            assert spool.adopt() == 1
            assert spool_drain.drain(spool, inbox) == 1
            copy.write(content[len(content) // 2 :])
            assert spool_drain.drain(spool, inbox) == 2

        assert [receipt.receipt_id for receipt in inbox.receipts] == ["receipt-1", "receipt-2", "receipt-3"]
        assert [entry.name for entry in spool.directory.iterdir()] == []

    def test_one_that_grows_behind_its_last_record_is_not_removed(self, open_spool: Callable[..., Spool]) -> None:
        spool, inbox = open_spool(), Inbox()
        first, second = (spool_frames.encode(a_receipt(n)) for n in (1, 2))
        path = spool.directory / "copy.spool"
        path.write_bytes(first)
        spool.adopt()

        def store(receipts: Sequence[Receipt]) -> None:
            if not inbox.receipts:
                with path.open("ab") as copy:
                    copy.write(second)
            inbox(receipts)

        assert (spool_drain.drain(spool, store), path.exists()) == (1, True)
        assert (spool_drain.drain(spool, store), path.exists()) == (1, False)

    def test_damage_that_was_set_aside_and_is_moved_up_stays_damage(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()
        fill(spool, 1, 2)
        path = only_file(spool)
        with path.open("r+b") as file:
            file.seek(8)
            file.write(b"\x0f")  # the first record seems to be longer than the file
        assert spool_drain.drain(spool, Inbox()) == 1
        (aside,) = (spool.directory / "refused").iterdir()

        for _ in range(2):
            moved = aside.rename(spool.directory / aside.name)
            settle(moved)
            spool.adopt()
            assert spool_drain.drain(spool, Inbox()) == 0
            (aside,) = (spool.directory / "refused").iterdir()

    def test_a_file_that_cannot_be_opened_holds_nobody_up(self, open_spool: Callable[..., Spool], world: World) -> None:
        one = open_spool()
        fill(one, 1)
        one.close()
        world.spool.directory.mkdir(parents=True, exist_ok=True)
        orphan = only_file(one)
        orphan.rename(world.spool.directory / f"z-{orphan.name}")
        (world.spool.directory / "a-folder.spool").mkdir()

        assert world.drainer.round() == 1
        assert count(world.spool.directory) == 1

    @pytest.mark.parametrize(("failpoint", "survivors"), [("spool.after_write", {0, 1}), ("spool.after_sync", {1})])
    def test_killed_in_the_middle_it_loses_nothing_it_promised(
        self, failpoint: str, survivors: set[int], open_spool: Callable[..., Spool], tmp_path: Path
    ) -> None:
        code = (
            "import sys; from pathlib import Path; from tests.unit.webhooks.world import a_receipt;"
            "from webhooks.spool import Spool; s = Spool(Path(sys.argv[1]), max_bytes=1 << 20); s.open();"
            "from tests.unit.webhooks.spooling import fill; fill(s, 1, 2)"
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
