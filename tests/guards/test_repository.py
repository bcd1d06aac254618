"""What must never be committed: traces of one machine, registry hosts, secrets, unfinished work."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from tests.guards.repository import ROOT, named, tracked

FILES = [path for path in tracked() if b"\0" not in path.read_bytes()[:1000]]
LOCKS = [ROOT / "requirements.lock", ROOT / "tests" / "requirements.lock"]
FORBIDDEN = {
    "a path of somebody's machine": re.compile("/(?:home|Users)/[a-z]+/|/ro" + "ot/|/wo" + "rk/"),
    "a package registry": re.compile(
        r"https?://[^\s\"']*/simple\b|(?:index-url|resolved|registry)\W{1,4}https?://|files\.python"
        + "hosted|pypi"
        + r"\.org"
    ),
    "unfinished work": re.compile(r"\b(?:TO" + "DO|FIX" + "ME|X" + r"XX)\b"),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
    "a skipped test": re.compile(r"pytest\.mark\.(?:skip\b|xf" + "ail)"),
    "a conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


class TestFiles:
    @pytest.mark.parametrize("what", FORBIDDEN)
    def test_no_file_holds(self, what: str) -> None:
        holding = [named(path) for path in FILES if FORBIDDEN[what].search(path.read_text("utf-8", "replace"))]

        assert holding == []

    def test_none_is_large(self) -> None:
        assert [named(path) for path in tracked() if path.stat().st_size > 512 * 1024] == []

    def test_text_ends_with_one_newline(self) -> None:
        ragged = [
            named(path)
            for path in FILES
            if path.suffix in {".py", ".md", ".toml", ".yml", ".conf", ".html"}
            and path.stat().st_size
            and not re.search(r"[^\n]\n\Z", path.read_text("utf-8"))
        ]

        assert ragged == []

    def test_what_is_run_can_be_run(self) -> None:
        assert (ROOT / ".ci" / "run").stat().st_mode & stat.S_IXUSR

    def test_the_data_folder_and_the_environment_are_ignored(self) -> None:
        ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

        assert {".venv/", "/data/"} <= set(ignored)


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS, ids=named)
    def test_every_requirement_is_pinned_and_hashed(self, lock: Path) -> None:
        requirements = re.split(r"\n(?=\S)", lock.read_text("utf-8").strip())

        assert len(requirements) > 40
        for requirement in requirements:
            assert re.match(r"[a-z0-9-]+==[\w.]+ ", requirement)
            assert "--hash=sha256:" in requirement

    def test_both_agree_where_they_overlap(self) -> None:
        pins = [dict(re.findall(r"^([a-z0-9-]+)==([\w.]+)", lock.read_text("utf-8"), re.MULTILINE)) for lock in LOCKS]
        both = pins[0].keys() & pins[1].keys()

        assert {name: pins[0][name] for name in both} == {name: pins[1][name] for name in both}
