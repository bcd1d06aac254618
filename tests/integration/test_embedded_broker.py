"""The embedded Valkey and the supervisor: real processes, kept and ended as promised."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests.integration.test_up import EMBEDDED
from worker import broker
from worker.broker_look import look
from worker.celery_app import QUEUES
from worker.errors import DependencyDown, Refused
from worker.supervise import BACKOFF_SECONDS, Child, Supervisor, end, only_one, spawn

pytestmark = pytest.mark.only_on("valkey", EMBEDDED)
SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)


def wait_for(what: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[broker.EmbeddedBroker]:
    server = broker.prepare(tmp_path)
    server.start()
    yield server
    server.stop()


class TestEmbeddedBroker:
    def test_it_keeps_what_it_takes_over_a_restart_at_the_same_url(
        self, tmp_path: Path, running: broker.EmbeddedBroker
    ) -> None:
        with redis.Redis.from_url(running.url) as client:
            client.set("a", "1")
        running.stop()

        again = broker.prepare(tmp_path)
        again.start()

        with redis.Redis.from_url(again.url) as client:
            kept = client.get("a")
            policy = client.config_get("maxmemory-policy")
        again.stop()
        assert again.url == running.url
        assert kept == b"1"
        assert policy == {"maxmemory-policy": "noeviction"}

    def test_the_password_is_needed_and_private(self, tmp_path: Path, running: broker.EmbeddedBroker) -> None:
        assert running.process is not None
        url = urlsplit(running.url)
        arguments = Path(f"/proc/{running.process.pid}/cmdline").read_bytes()

        with pytest.raises(redis.AuthenticationError), redis.Redis(port=url.port or 0) as client:
            client.get("a")

        assert str(url.password).encode() not in arguments
        assert url.username == "default"  # redis-cli -u does not get in without a name
        assert (tmp_path / "broker.url").read_text() == f"{running.url}\n"
        for file in (tmp_path / "broker.url", tmp_path / "valkey" / "valkey.conf"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_what_is_the_matter_with_it_is_told(self, running: broker.EmbeddedBroker) -> None:
        with redis.Redis.from_url(running.url) as client:
            fine = look(running.url, seconds=1)
            client.config_set("maxmemory-policy", "allkeys-lru")
            forgetful = look(running.url, seconds=1)
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", 1)
            full = look(running.url, seconds=1)
        assert running.process is not None
        stranger = look(running.url.replace("default:", "default:not-"), seconds=1)
        os.kill(running.process.pid, signal.SIGSTOP)
        hanging = look(running.url, seconds=0.1)
        os.kill(running.process.pid, signal.SIGCONT)
        running.stop()
        gone = look(running.url, seconds=1)

        assert (fine.trouble, fine.doubt, set(fine.lengths.values())) == (None, None, {0})
        assert forgetful.trouble is None
        assert "its maxmemory-policy is allkeys-lru" in str(forgetful.doubt)
        assert str(full.trouble).startswith("it answers, and refuses writes (")
        assert set(full.lengths) == set(QUEUES)
        assert str(stranger.trouble).startswith("authentication failed")
        assert hanging.trouble == "timed out after 0.1 s: it hangs, or the network drops packets"
        assert "Connection refused" in str(gone.trouble)

    def test_one_left_by_a_killed_run_is_ended(self, tmp_path: Path, running: broker.EmbeddedBroker) -> None:
        assert running.process is not None

        again = broker.prepare(tmp_path)

        assert running.process.wait(timeout=5) == 0
        assert again.url == running.url

    def test_one_that_hangs_is_killed(self, tmp_path: Path, running: broker.EmbeddedBroker) -> None:
        assert running.process is not None
        os.kill(running.process.pid, signal.SIGSTOP)

        broker.prepare(tmp_path)

        assert running.process.wait(timeout=5) == -signal.SIGKILL

    def test_a_stranger_on_its_port_is_left_alone(self, tmp_path: Path, running: broker.EmbeddedBroker) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "broker.url").write_text(running.url)

        second = broker.prepare(other)

        assert second.url != running.url
        assert running.process is not None and running.process.poll() is None

    def test_nobody_there_is_told_in_time(self) -> None:
        with pytest.raises(DependencyDown, match="does not answer"):
            broker.wait_until_answering("redis://127.0.0.1:1/0", timeout=0.1)


class TestSupervisor:
    def test_a_death_is_told_and_mended_after_a_growing_while(self) -> None:
        said: list[str] = []
        supervisor = Supervisor(said.append)
        child = supervisor.start(Child("sleeper", SLEEP, os.environ))
        assert child.process is not None
        first = child.process.pid

        os.kill(first, signal.SIGKILL)
        child.process.wait()
        supervisor.tend()
        child.restart_at = time.monotonic()
        supervisor.tend()
        second = child.process.pid
        supervisor.stop()

        assert said == [
            f"sleeper was ended by SIGKILL; it is started again in {BACKOFF_SECONDS[0]:g} s.",
            "sleeper is started again.",
        ]
        assert second != first
        assert child.process.poll() is not None

    def test_stopping_goes_from_the_last_to_the_first(self, tmp_path: Path) -> None:
        supervisor = Supervisor(lambda _: None)
        order = tmp_path / "order"
        for name in ("first", "second"):
            code = (
                "import signal, sys, time, pathlib\n"
                f"def end(*_):\n    open({str(order)!r}, 'a').write('{name} '); sys.exit()\n"
                f"signal.signal(signal.SIGTERM, end)\npathlib.Path({str(tmp_path / name)!r}).touch()\ntime.sleep(60)"
            )
            supervisor.start(Child(name, (sys.executable, "-c", code), os.environ))
        wait_for(lambda: (tmp_path / "first").exists() and (tmp_path / "second").exists())

        supervisor.stop()

        assert order.read_text() == "second first "

    @pytest.mark.parametrize("hurry", [True, False])
    def test_who_does_not_listen_is_killed(self, tmp_path: Path, hurry: bool) -> None:
        with (tmp_path / "out").open("wb") as out:
            process = spawn(STUBBORN, os.environ, out)
        wait_for(lambda: (tmp_path / "out").read_bytes())

        willingly = end(process, timeout=30 if hurry else 0.2, hurry=lambda: hurry)

        assert (willingly, process.returncode) == (False, -signal.SIGKILL)

    def test_one_folder_has_one_holder(self, tmp_path: Path) -> None:
        with only_one(tmp_path), pytest.raises(Refused, match=f"process {os.getpid()}"), only_one(tmp_path):
            raise AssertionError("two hold it")
        with only_one(tmp_path):
            pass
