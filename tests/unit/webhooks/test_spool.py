"""The spool's frames and files: nothing torn, nothing answered before it is on the disk, nothing beyond the bound."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.unit.webhooks.spooling import Inbox, fill, keep, only_file
from tests.unit.webhooks.world import a_receipt, in_threads
from webhooks import spool_drain, spool_frames
from webhooks.spool import Spool, SpoolFailed, count
from webhooks.spool_frames import Damage
from webhooks.spool_segment import Segment
from worker.store.inbox import Receipt


def as_before(receipt: Receipt) -> bytes:
    """A frame as earlier versions wrote it: nothing in it is stuffed."""
    frame = spool_frames.encode(replace(receipt, body=b""))
    _, header, _, _ = spool_frames._HEAD.unpack(frame[: spool_frames._HEAD.size])
    content = frame[spool_frames._HEAD.size :] + receipt.body
    return spool_frames._HEAD.pack(b"HDS1", header, len(receipt.body), zlib.crc32(content)) + content


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
        whole = [spool_frames.encode(a_receipt(n, body=b"HDS1HDS2HDS\0" * n)) for n in range(5)]
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

    @pytest.mark.parametrize("forged", [spool_frames.encode(a_receipt(7)), as_before(a_receipt(7))])
    def test_a_frame_that_a_sender_put_into_a_torn_one_is_none(self, tmp_path: Path, forged: bytes) -> None:
        torn = spool_frames.encode(a_receipt(1, body=b"x" + forged + b"x" * 100))[:-50]
        path = tmp_path / "torn"
        path.write_bytes(torn + spool_frames.encode(a_receipt(2)))

        with path.open("rb") as file:
            found = list(spool_frames.read(file))

        assert [part.receipt.receipt_id for part in found if isinstance(part, spool_frames.Frame)] == [
            a_receipt(2).receipt_id
        ]

    def test_one_of_an_older_version_is_read(self, tmp_path: Path) -> None:
        receipt = a_receipt(1, body=b"HDS\0 and HDS1")
        path = tmp_path / "older"
        path.write_bytes(as_before(receipt) + spool_frames.encode(receipt))

        with path.open("rb") as file:
            frames = list(spool_frames.read(file))
            assert spool_frames.count(file) == 2
        assert [frame.receipt for frame in frames] == [receipt, receipt]  # type: ignore[union-attr]


class TestPut:
    def test_many_share_one_file_and_all_are_there(self, open_spool: Callable[..., Spool]) -> None:
        spool = open_spool()

        in_threads(*(partial(keep, spool, a_receipt(n)) for n in range(30)))

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
        assert not spool.has_room()  # although something smaller might still fit

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
