"""`hookdesk up` as an operator knows it: ready, restarting what dies, and leaving nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.valkey import Broker

pytestmark = pytest.mark.timeout(180)
PATIENCE = 60.0
EMBEDDED = "it is about the Valkey that `hookdesk up` starts"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer; fails after a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def belonging_to(data_dir: Path) -> list[int]:
    """Every process that was given this data folder."""
    wanted = f"HOOKDESK_DATA_DIR={data_dir}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in environ and lives(int(entry.name)):
                found.append(int(entry.name))
    return found


@dataclass
class House:
    """A running `hookdesk up` in a folder of its own."""

    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def output(self) -> str:
        return (self.folder / "out").read_text("utf-8", "replace")

    def hookdesk(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "worker.cli.main", *words]
        return subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def up(self, *words: str) -> dict[str, Any]:
        """Start, wait until ready; returns what the ready file says."""
        command = [sys.executable, "-m", "worker.cli.main", "up", "--ready-file", "ready.json", *words]
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=out, stderr=out)
        ready = self.folder / "ready.json"
        wait_for(lambda: ready.exists() or self.process is None or self.process.poll() is not None)
        assert ready.exists(), self.output
        said: dict[str, Any] = wait_for(lambda: json.loads(ready.read_text() or "{}"))
        return said

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@pytest.fixture
def house(tmp_path: Path, broker: Broker | None) -> Iterator[House]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKDESK_", "COV_"))}
    env |= {
        "HOOKDESK_DATA_DIR": str(tmp_path / "data"),
        "HOOKDESK_PORT": str(free_port()),
        "HOOKDESK_API_PORT": str(free_port()),
        "HOOKDESK_METRICS_WEB_PORT": "0",
        "HOOKDESK_METRICS_WORKER_PORT": "0",
        "HOOKDESK_METRICS_SCHEDULER_PORT": "0",
        "HOOKDESK_WORKER_PROCESSES": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    if broker is not None:
        broker.start()
        env["HOOKDESK_BROKER_URL"] = broker.url
    running = House(tmp_path, env)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    for pid in belonging_to(running.data_dir):
        with suppress(ProcessLookupError):  # it may have ended by itself meanwhile
            os.kill(pid, signal.SIGKILL)


class TestUp:
    def test_a_first_webhook_becomes_a_ticket_and_ending_leaves_nothing(self, house: House) -> None:
        ready = house.up("--practice")
        curl = next(line.strip() for line in house.output.splitlines() if line.strip().startswith("curl "))

        answer = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=30)  # noqa: S607
        ticket = wait_for(lambda: house.hookdesk("tickets", "--json").stdout)
        opened = requests.post(
            f"{ready['practice_url']}/practice/conversations", json={"name": "Lena", "text": "Where is it?"}, timeout=5
        )
        second = wait_for(lambda: house.hookdesk("tickets", "--json").stdout.count("\n") == 2)
        books = json.loads(house.hookdesk("ledger", "--json").stdout)
        ask = next(line for line in house.output.splitlines() if "/api/queue" in line)
        queue = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=30)  # noqa: S607
        code = house.stop()

        assert answer.stdout.startswith("HTTP/1.1 200"), answer
        assert json.loads(ticket)["status"] == "triaged"
        assert (opened.status_code, second) == (201, True)
        assert books["difference"] == 0
        assert json.loads(queue.stdout)["depth"] == 2
        assert code == 0
        assert belonging_to(house.data_dir) == []
        assert not (house.folder / "ready.json").exists()

    @pytest.mark.only_on("valkey", EMBEDDED)
    def test_what_dies_is_started_again_and_the_secret_stays(self, house: House) -> None:
        ready = house.up()
        secrets = (house.data_dir / "secrets.env").read_text()
        broker_url = (house.data_dir / "broker.url").read_text()

        os.kill(ready["processes"]["scheduler"], signal.SIGKILL)
        os.kill(ready["processes"]["valkey"], signal.SIGKILL)
        wait_for(lambda: "scheduler is started again" in house.output and "valkey is started again" in house.output)
        house.stop()
        house.up()

        assert "scheduler was ended by SIGKILL; it is started again in 1 s" in house.output
        assert (house.data_dir / "secrets.env").read_text() == secrets
        assert (house.data_dir / "broker.url").read_text() == broker_url
        assert house.output.count("A secret for Chatwoot's webhooks was generated") == 1
        assert house.stop() == 0

    def test_a_killed_supervisor_takes_its_children_along(self, house: House) -> None:
        house.up()
        assert house.process is not None
        assert len(belonging_to(house.data_dir)) >= 5

        house.process.kill()
        house.process.wait()
        wait_for(lambda: not belonging_to(house.data_dir))
        (house.folder / "ready.json").unlink()

        assert house.up()["url"].endswith(house.env["HOOKDESK_PORT"])
        assert house.stop() == 0

    def test_two_on_one_folder_refuse_clearly(self, house: House) -> None:
        house.up()

        second = house.hookdesk("up")

        assert second.returncode == 4
        assert "already runs on the data folder" in second.stderr
        assert requests.get(f"http://127.0.0.1:{house.env['HOOKDESK_PORT']}/livez", timeout=5).status_code == 200

    def test_a_taken_port_is_told_before_anything_starts(self, house: House) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(house.env["HOOKDESK_PORT"])))
            other.listen()

            refused = house.hookdesk("up")

        assert refused.returncode == 4
        assert f"127.0.0.1:{house.env['HOOKDESK_PORT']} (HOOKDESK_PORT)" in refused.stderr
        assert not (house.data_dir / "hookdesk.db").exists()
        assert belonging_to(house.data_dir) == []

    def test_wrong_settings_stop_the_start(self, house: House) -> None:
        house.env["HOOKDESK_EFFECTS"] = "sometimes"

        refused = house.hookdesk("up")

        assert refused.returncode == 2
        assert not house.data_dir.exists()
