"""`make audit` says what it knows: findings fail, a feed that does not answer is named and never taken for good."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.guards.repository import ROOT

PYTHON = ROOT / ".venv" / "audit" / "bin" / "python"
CONTROL = "django"
HASH = "--hash=sha256:" + "0" * 64
ADVISORY = {
    "id": "PYSEC-2099-1",
    "summary": "a door that opens to everybody",
    "affected": [{"package": {"name": "left", "ecosystem": "PyPI"},
                  "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}],
}  # fmt: skip
Says = Callable[[str], Mapping[str, Any] | None]


class Feed(ThreadingHTTPServer):
    """An OSV service that says of each package what the test wants; None is a 500."""

    def __init__(self, says: Says) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says, self.asked = says, list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/query"


class _Handler(BaseHTTPRequestHandler):
    server: Feed

    def do_POST(self) -> None:
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        self.server.asked.append(name)
        said = self.server.says(name)
        body = json.dumps(said if said is not None else {"error": "out of order"}).encode()
        self.send_response(200 if said is not None else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI runs `make audit` first, which installs its tools")
        pytest.skip("`make audit` has not installed its tools yet")


@pytest.fixture
def feed() -> Iterator[Callable[[Says], Feed]]:
    started: list[Feed] = []

    def start(says: Says) -> Feed:
        server = Feed(says)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(f"left==1.0 {HASH}\nright==2.0 {HASH}\n")
    return path


def audited(lock: Path, url: str) -> tuple[int, str]:
    command = [str(PYTHON), ".ci/dependencies.py", str(lock), "--osv-url", url, "--timeout", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def knowing(*bad: str, broken: str = "") -> Says:
    """A feed that names an advisory for these, and for the control as every real one does."""
    return lambda name: None if name == broken else {"vulns": [ADVISORY]} if name in (CONTROL, *bad) else {}


class TestDependencies:
    def test_a_feed_that_answers_for_all_is_believed(self, feed: Callable[[Says], Feed], lock: Path) -> None:
        server = feed(knowing())

        code, said = audited(lock, server.url)

        assert (code, said.strip()) == (
            0, "dependency audit: 2 pinned packages looked up, the feed names no advisory for them",
        )  # fmt: skip
        assert sorted(server.asked) == [CONTROL, "left", "right"]

    def test_every_pin_of_the_real_lock_is_looked_up(self, feed: Callable[[Says], Feed]) -> None:
        server = feed(knowing())

        code, _ = audited(ROOT / "requirements.lock", server.url)

        assert code == 0
        assert {"celery", "flask", "sqlalchemy", "psycopg", "urllib3"} <= set(server.asked)

    def test_a_finding_fails(self, feed: Callable[[Says], Feed], lock: Path) -> None:
        code, said = audited(lock, feed(knowing("left")).url)

        assert code == 1
        assert "left 1.0: PYSEC-2099-1, fixed in 1.1" in said
        assert "right" not in said

    @pytest.mark.parametrize("says", [lambda _: {}, lambda _: None, knowing(broken="right")],
                             ids=["answers nothing to anything", "out of order", "breaks off half-way"])  # fmt: skip
    def test_a_feed_that_says_nothing_is_not_taken_for_good(
        self, feed: Callable[[Says], Feed], lock: Path, says: Says
    ) -> None:
        assert_not_checked(*audited(lock, feed(says).url))

    def test_nor_one_that_cannot_be_reached(self, feed: Callable[[Says], Feed], lock: Path) -> None:
        server = feed(knowing())
        server.shutdown()
        server.server_close()

        assert_not_checked(*audited(lock, server.url))

    def test_a_lock_that_cannot_be_read_fails_whatever_the_feed(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.lock").write_text("left>=1.0\n")

        code, said = audited(tmp_path / "requirements.lock", "http://127.0.0.1:9/")

        assert (code, "FAILED" in said) == (1, True)

    def test_a_package_that_was_skipped_is_named(self) -> None:
        answers = [{"name": "left", "version": "1.0", "vulns": []}, {"name": "right", "skip_reason": "not found"}]
        run = f"import sys; sys.path.insert(0, '.ci'); import dependencies; sys.exit(dependencies._told({answers!r}))"

        done = subprocess.run([str(PYTHON), "-c", run], cwd=ROOT, capture_output=True, text=True, check=False)

        assert done.stdout == "dependency audit: NOT CHECKED for 1 of 2 packages: right (not found)\n"


class TestCode:
    def test_a_finding_without_an_exception_fails(self, tmp_path: Path) -> None:
        code, said = searched(tmp_path, exceptions=[])

        assert code == 1
        assert "worker/risky.py:2: B602" in said

    def test_an_exception_covers_what_it_names(self, tmp_path: Path) -> None:
        code, said = searched(tmp_path, exceptions=["B404", "B602"])

        assert (code, said) == (0, "code audit: nothing beyond 2 exceptions\n")

    def test_one_that_is_not_needed_fails(self, tmp_path: Path) -> None:
        code, said = searched(tmp_path, exceptions=["B404", "B602", "B105"])

        assert code == 1
        assert "worker/risky.py: 1 fewer B105 than its exception says" in said

    def test_one_without_a_reason_fails(self, tmp_path: Path) -> None:
        code, said = searched(tmp_path, exceptions=["B404", "B602"], reason="")

        assert code == 1
        assert "the exception for B602 gives no reason" in said

    def test_nothing_is_skipped_by_a_comment(self) -> None:
        marked = [path for folder in ("worker", "webhooks", "deploy", "bench")
                  for path in (ROOT / folder).rglob("*.py") if "nosec" in path.read_text()]  # fmt: skip

        assert marked == []


def searched(root: Path, *, exceptions: list[str], reason: str = "a test") -> tuple[int, str]:
    (root / "worker").mkdir()
    (root / "worker" / "risky.py").write_text("import subprocess\nsubprocess.run(input(), shell=True)\n")
    listed = "".join(f'{{ test = "{test}", file = "worker/risky.py", reason = "{reason}" }},' for test in exceptions)
    table = f'[tool.hookdesk.audit]\nfolders = ["worker"]\nexceptions = [{listed}]\n'
    (root / "pyproject.toml").write_text(table)
    command = [str(PYTHON), ".ci/findings.py", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def assert_not_checked(code: int, said: str) -> None:
    assert code == 0
    assert said.startswith("dependency audit: NOT CHECKED, the advisory feed could not be reached (")
    assert "no advisory for them" not in said
    assert "vulnerabilit" not in said
