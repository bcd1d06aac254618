"""A RabbitMQ of our own for tests: one node in a temporary folder, with its own ports, cookie and port mapper."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import amqp
import pytest

from tests.programs import needed
from worker.celery_app import AMQP_PREFIX, QUEUES, amqp_queue

BIN = Path("/usr/lib/rabbitmq/bin")  # the scripts in /usr/sbin change the user and the folder
GUEST = "guest"  # the password of RabbitMQ's own user, and its name
BOOT_SECONDS = 90.0  # some five on a quiet machine
PORTS = range(20_000, 30_000)  # below those the kernel gives to clients: one that waits could meet itself there


class RabbitServer:
    """A node that can be killed, hung and started again with what it had on disk."""

    def __init__(self, *, host: str = "127.0.0.1") -> None:
        for program in ("rabbitmq-server", "epmd"):
            needed(program)
        self.host = host
        self._folder = Path(tempfile.mkdtemp(prefix="hookdesk-rabbit-", dir="/var/tmp"))
        self._port, self._mapper_port, distribution = free_low_ports(3)
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "hookdesk@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": host,
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "no-such-file"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
        }
        (self._folder / "rabbitmq.conf").write_text("loopback_users = none\nlog.file.level = warning\n")
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        self._mapper: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._settled = False
        self._password = GUEST

    @property
    def url(self) -> str:
        """What HOOKDESK_BROKER_URL is given."""
        return f"amqp://{GUEST}:{self._password}@{self.host}:{self._port}//"

    @property
    def is_running(self) -> bool:
        """Whether the node was started and has not ended."""
        return self._node is not None and self._node.poll() is None

    def start(self) -> None:
        """Serve; returns when a client gets in. Of a node that already runs the messages are thrown away instead."""
        was_running = self.is_running
        if not was_running:
            self._boot()
        if not self._settled:
            self._settle()
        if was_running:
            self.purge()

    def _settle(self) -> None:
        """Make the queues and stop in an orderly way once: RabbitMQ writes down within minutes which replicas it has,
        and one that is killed before has a queue that never answers again."""
        with self.connect() as connection:
            for kind in QUEUES:
                queue = amqp_queue(kind)
                connection.channel().queue_declare(
                    queue.name, durable=True, auto_delete=False, arguments=queue.queue_arguments
                )
        self.ctl("stop_app")
        self.ctl("start_app")
        self._settled = True

    def _boot(self) -> None:
        if self._mapper is None:
            self._mapper = self._spawn("epmd", "-address", "127.0.0.1", "-port", str(self._mapper_port))
        self._node = self._spawn(str(BIN / "rabbitmq-server"))
        until = time.monotonic() + BOOT_SECONDS
        while not self._answers():
            if time.monotonic() > until or not self.is_running:
                raise AssertionError(f"RabbitMQ does not start:\n{(self._folder / 'out').read_text()[-2000:]}")
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        """To the node and all it has started (SIGSTOP hangs it, SIGCONT lets it go on)."""
        assert self._node is not None
        os.killpg(self._node.pid, number)

    def kill(self) -> None:
        """kill -9; what was confirmed is on disk."""
        if self._node is not None:
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            self._node.wait(10)
            self._node = None

    def empty(self) -> None:
        """Delete Hookdesk's queues with all that is in them, as an operator would by mistake."""
        self._settled = False
        with self.connect() as connection:
            for kind in QUEUES:
                connection.channel().queue_delete(f"{AMQP_PREFIX}{kind}")

    def purge(self) -> None:
        """Throw away the messages and keep the queues."""
        with self.connect() as connection:
            for kind in QUEUES:
                connection.channel().queue_purge(f"{AMQP_PREFIX}{kind}")

    def cut(self) -> None:
        """End the connections of all clients at once."""
        self.ctl("close_all_connections", "a test")

    def guard(self, password: str) -> None:
        """Let in from now on only who has this password; `url` has it."""
        self.ctl("change_password", GUEST, password)
        self._password = password

    def kept(self) -> str:
        """What is on its disk: messages it was given lately, settings, its log."""
        found = []
        for path in self._folder.rglob("*"):
            with suppress(OSError):  # it tidies up meanwhile
                found.append(path.read_bytes().decode("utf-8", "replace"))
        return "\n".join(found)

    def connect(self) -> Any:
        """A connection of a client that gives up after a while."""
        connection: Any = amqp.Connection(
            f"{self.host}:{self._port}", password=self._password, connect_timeout=5, read_timeout=10
        )
        connection.connect()
        return connection

    def ctl(self, *words: str) -> str:
        """`rabbitmqctl` for this node."""
        command = [str(BIN / "rabbitmqctl"), "--quiet", *words]
        done = subprocess.run(command, env=self._env, cwd=self._folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        """The end of a test: whatever it did to the node, the next finds one that answers, or none."""
        if self.is_running:
            self.signal(signal.SIGCONT)
            if self._password != GUEST:
                self.guard(GUEST)

    def destroy(self) -> None:
        """End everything and delete it."""
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "out").open("ab") as out:
            return subprocess.Popen(
                command, env=self._env, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip


def free_low_ports(count: int) -> list[int]:
    """So many ports that nobody listens on, outside the range of the clients' own."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


def require_rabbitmq(*, host: str = "127.0.0.1") -> RabbitServer:
    """A server that has not been started; without the program skipped on a desk, failed in CI."""
    if not (BIN / "rabbitmq-server").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have rabbitmq-server")
        pytest.skip("rabbitmq-server is not installed here")
    return RabbitServer(host=host)
