"""A whole Hookdesk on real processes, for tests that kill parts of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.integration.valkey import Broker, ValkeyServer
from webhooks import spool
from worker import metrics_dir
from worker.signing import chatwoot_headers
from worker.store.database import Database
from worker.store.ledger import Ledger, ledger

SECRET = "h8cZ5uD3mT7wQ2xK9rV4bN6y"
URL_TOKEN = "url-token-for-automation-webhooks"
BEARER = "hookdesk-static-shared-token-0001"
API_TOKEN = "api-token-of-these-tests-0001"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "chatwoot"


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], Any], *, within: float = 20.0, what: str = "") -> Any:
    """Wait for a condition with a deadline; the last value is in the failure."""
    until = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within} s: {what or condition}; last value {value!r}")
        time.sleep(0.02)
    return value


def fixture(name: str) -> dict[str, Any]:
    """One body of tests/fixtures/chatwoot by the start of its name."""
    (path,) = FIXTURES.glob(f"{name}*.json")
    body: dict[str, Any] = json.loads(path.read_text())
    return body


class System:
    """Starts, stops and kills the parts; posts signed webhooks; reads the store."""

    def __init__(
        self,
        root: Path,
        *,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
        broker: Broker | None = None,
    ) -> None:
        self.root = root
        self.port = free_port()
        self.api_port = free_port()
        self.broker = broker or ValkeyServer(root)
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        database_url = database_url or f"sqlite:///{root / 'hookdesk.db'}"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "HOOKDESK_DATA_DIR": str(root / "data"),
            "HOOKDESK_DATABASE_URL": database_url,
            "HOOKDESK_BROKER_URL": self.broker.url,
            "HOOKDESK_PORT": str(self.port),
            "HOOKDESK_API_PORT": str(self.api_port),
            "HOOKDESK_API_TOKENS": f"tests:read+write:{API_TOKEN}",
            "HOOKDESK_METRICS_WEB_PORT": "0",
            "HOOKDESK_METRICS_WORKER_PORT": "0",
            "HOOKDESK_METRICS_SCHEDULER_PORT": "0",
            "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": SECRET,
            "HOOKDESK_CHATWOOT_URL_TOKEN": URL_TOKEN,
            "HOOKDESK_EMAIL_BEARER_TOKENS": BEARER,
            "HOOKDESK_LINK_SECRETS": "link-secret-for-tests-0123456789abcdef",
            "HOOKDESK_LOG_FORMAT": "json",
            **(settings or {}),
        }
        (root / "data").mkdir(exist_ok=True)
        self.db = Database.open(database_url)
        self.db.migrate()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._orphaned: list[subprocess.Popen[bytes]] = []
        self._log_starts: dict[str, int] = {}
        self.http = requests.Session()

    # -- processes

    def start(self, *names: str, **extra: str) -> None:
        """Start parts by name: broker, web, api, worker, scheduler (a suffix makes a further replica: scheduler-2)."""
        if "broker" in names:
            self.broker.start()
        parts = [name for name in names if name != "broker"]
        for name in parts:
            log = (self.root / f"{name}.log").open("ab")
            self._log_starts[name] = log.tell()
            self._running[name] = subprocess.Popen(
                self._command(name),
                env={**self.env, **extra},
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            log.close()
        for name in parts:
            self._await_ready(name)

    def stop(self, name: str, *, within: float = 30.0) -> int:
        """SIGTERM and the exit code; the test fails if it takes too long."""
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(within)
        finally:
            self._end_group(process)
            process.wait(10)

    def kill(self, *names: str) -> None:
        """SIGKILL to the whole group of each, children included, all at once."""
        if "broker" in names:
            self.broker.kill()
        parts = [name for name in names if name != "broker"]
        for name in parts:
            self._end_group(self._running[name])
        for name in parts:
            self._running.pop(name).wait(10)

    def kill_parent(self, name: str) -> None:
        """SIGKILL to the process that was started alone, not to its children."""
        process = self._running.pop(name)
        self._orphaned.append(process)
        process.kill()
        process.wait(10)

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """One more process of this kind, to its end."""
        return subprocess.run(
            self._command(name), env=self.env, cwd=self.root, capture_output=True, text=True, timeout=30, check=False
        )

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the whole group (SIGSTOP hangs it, SIGCONT lets it go on)."""
        if name == "broker":
            self.broker.signal(number)
        else:
            os.killpg(self._running[name].pid, number)

    def is_alive(self, name: str) -> bool:
        """Whether the process that was started still runs."""
        return self.broker.is_running if name == "broker" else self._running[name].poll() is None

    @property
    def broker_port(self) -> int:
        """Where the broker listens."""
        return urlsplit(self.broker.url).port or 0

    def close(self) -> None:
        """End everything."""
        for process in (*self._running.values(), *self._orphaned):
            self._end_group(process)
        for process in self._running.values():
            process.wait(10)
        self.broker.close()
        self.http.close()
        self.db.dispose()
        shutil.rmtree(metrics_dir.folder(self.root / "data", "web").parent, ignore_errors=True)

    def log_of(self, name: str) -> str:
        """What a part has written."""
        path = self.root / f"{name}.log"
        return path.read_text() if path.exists() else ""

    # -- traffic

    def post(
        self,
        body: dict[str, Any] | bytes,
        *,
        delivery_id: str | None = None,
        timeout: float = 5.0,
        path: str = "",
        port: int | None = None,
    ) -> requests.Response:
        """One signed webhook, as Chatwoot sends it: a new connection each; `port` is that of a proxy before it."""
        url = self.url if port is None else f"http://127.0.0.1:{port}"
        raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        headers = chatwoot_headers(
            SECRET, raw, timestamp=int(time.time()), delivery_id=delivery_id or str(uuid.uuid4())
        )
        return requests.post(f"{url}{path or '/webhooks/chatwoot'}", data=raw, headers=headers, timeout=timeout)

    # -- what became of it

    def ledger(self) -> Ledger:
        """The ledger in one snapshot."""
        return ledger(self.db)

    def at_rest(self) -> bool:
        """Nothing pending, processing, in retry or still in the spool."""
        if spool.count(spool.directory_of(self.root / "data")):
            return False
        now = self.ledger()
        return now.pending == now.processing == now.retry == 0

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-m", "worker.cli.main", name.partition("-")[0]]

    def _await_ready(self, name: str) -> None:
        part = name.partition("-")[0]
        checks: dict[str, Callable[[], bool]] = {
            "broker": lambda: listens(self.broker_port),
            "web": self._answers,
            "api": lambda: listens(self.api_port),
            "worker": lambda: "worker_started" in self.log_of(name)[self._log_starts[name] :],
            "scheduler": lambda: "scheduler_started" in self.log_of(name)[self._log_starts[name] :],
        }

        def ready() -> bool:
            if not self.is_alive(name):
                raise AssertionError(f"{name} ended at once:\n{self.log_of(name)[-3000:]}")
            return checks[part]()

        eventually(ready, within=30, what=f"{name} ready:\n{self.log_of(name)[-1000:]}")

    def _answers(self) -> bool:
        try:
            return "status" in requests.get(f"{self.url}/readyz", timeout=1).json()
        except (requests.RequestException, ValueError):
            return False

    @staticmethod
    def _end_group(process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(root: Path, *parts: str, **options: Any) -> Iterator[System]:
    """A system with these parts, ended at the end. On failure its logs are printed."""
    system = System(root, **options)
    try:
        system.start(*parts)
        yield system
    except BaseException:
        for log in sorted(root.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")
        raise
    finally:
        system.close()
