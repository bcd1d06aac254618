"""Everything Hookdesk needs on one machine, started in order, kept alive, ended in the opposite order."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker import broker
from worker.cli.practice_events import practice_file
from worker.cli.sign import api_url, local_url
from worker.config import Settings, ensure_secrets, load, read_secrets
from worker.errors import ConfigError, DependencyDown, Refused
from worker.policy_file import load_policy
from worker.ports import free_port, is_free
from worker.supervise import Child, Supervisor, only_one

READY_SECONDS = 60.0
_PATIENCE_DEATHS = 3  # a process that dies this often while starting will not start
_TEND_SECONDS = 0.2

Say = Callable[[str], None]


@dataclass
class Household:
    """The running processes. `env` is what every one of them sees."""

    settings: Settings
    env: dict[str, str]
    supervisor: Supervisor
    new_secrets: Mapping[str, str]
    has_embedded_broker: bool
    stopping: threading.Event = field(default_factory=threading.Event)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def practice_url(self) -> str | None:
        """Where the practice Chatwoot listens, if it runs."""
        running = any(child.name == "practice" for child in self.supervisor.children)
        return self.settings.chatwoot_url if running else None

    def wait_until_ready(self, *, timeout: float = READY_SECONDS) -> bool:
        """True when the receiver is ready and API, worker and scheduler live; False when told to stop meanwhile."""
        deadline = time.monotonic() + timeout
        missing = self.missing()
        while missing and not self.stopping.wait(_TEND_SECONDS):
            self.supervisor.tend()
            hopeless = [child.name for child in self.supervisor.children if child.deaths >= _PATIENCE_DEATHS]
            if hopeless or time.monotonic() > deadline:
                what = f"{hopeless[0]} does not stay alive" if hopeless else f"no sign of {', '.join(missing)}"
                raise DependencyDown(f"Hookdesk did not start: {what}. Its own lines above or in the log say why.")
            missing = self.missing()
        return not missing

    def missing(self) -> list[str]:
        """Which of web, api, worker and scheduler have not shown yet."""
        wanted = {"web": f"{local_url(self.settings)}/readyz"}
        wanted |= {"api": f"{api_url(self.settings)}/livez"} if self.settings.api_port else {}
        silent = [name for name, url in wanted.items() if not _answers(url)]
        return [*silent, *_unheard(self.settings, self.started_at)]

    def keep(self) -> None:
        """Tend until told to stop."""
        while not self.stopping.wait(_TEND_SECONDS):
            self.supervisor.tend()


@contextmanager
def household(environ: Mapping[str, str], *, practice: bool, say: Say, logs: Path | None = None) -> Iterator[Household]:
    """Start all, give it out, end all. Raises before anything is started when something is in the way."""
    settings = load(environ)
    data_dir = settings.data_dir.resolve()
    env = {**environ, "HOOKDESK_DATA_DIR": str(data_dir)}
    with only_one(data_dir):
        new = ensure_secrets(data_dir, environ)
        practice_port = _practise(env, settings) if practice else None
        settings = load(env)
        load_policy(settings.config)
        _refuse_taken_ports(settings)
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
        supervisor = Supervisor(say)
        embedded = not _has_own_broker(env, data_dir)
        house = Household(settings, env, supervisor, new, embedded)
        before = _listen(house)
        try:
            _start(house, practice_port, logs)
            yield house
        finally:
            supervisor.stop()
            practice_file(data_dir).unlink(missing_ok=True)
            for number, handler in before.items():
                signal.signal(number, handler)


def _start(house: Household, practice_port: int | None, logs: Path | None) -> None:
    """In this order, so that stopping goes: web, api, scheduler, worker, practice Chatwoot, Valkey."""
    from worker.store.database import Database

    def child(name: str, *command: str) -> None:
        words = command or (sys.executable, "-m", "worker.cli.main", name)
        house.supervisor.start(Child(name, words, house.env, logs / f"{name}.log" if logs is not None else None))

    if house.has_embedded_broker:
        embedded = broker.prepare(house.settings.data_dir)
        child("valkey", *embedded.command)
        broker.wait_until_answering(embedded.url)
        house.settings = load(house.env)  # knows the broker now
    db = Database.open(house.settings.database_url, statement_timeout=600)
    try:
        db.migrate()
    finally:
        db.dispose()
    if practice_port is not None:
        child("practice", sys.executable, "-m", "worker.cli.main", "practice", "--port", str(practice_port))
        practice_file(house.settings.data_dir).write_text(str(house.settings.chatwoot_url))
    for name in ("worker", "scheduler", *(("api",) if house.settings.api_port else ()), "web"):
        child(name)


def _practise(env: dict[str, str], settings: Settings) -> int | None:
    """Point everybody at a practice Chatwoot, unless there is a real one. Returns its port."""
    if settings.chatwoot_url is not None:
        return None
    port = free_port()
    env["HOOKDESK_CHATWOOT_URL"] = f"http://127.0.0.1:{port}"
    env["HOOKDESK_CHATWOOT_TOKEN"] = secrets.token_urlsafe(24)
    env.setdefault("HOOKDESK_EFFECTS", "live")  # its customers are not real
    return port


def _has_own_broker(env: Mapping[str, str], data_dir: Path) -> bool:
    names = ("HOOKDESK_BROKER_URL", "HOOKDESK_BROKER_URL_FILE")
    return any(env.get(name, "").strip() for name in names) or bool(read_secrets(data_dir).get(names[0]))


def _refuse_taken_ports(settings: Settings) -> None:
    wanted = {
        "HOOKDESK_PORT": (settings.host, settings.port),
        "HOOKDESK_API_PORT": (settings.api_host, settings.api_port),
        "HOOKDESK_METRICS_WEB_PORT": (settings.metrics_host, settings.metrics_web_port),
        "HOOKDESK_METRICS_WORKER_PORT": (settings.metrics_host, settings.metrics_worker_port),
        "HOOKDESK_METRICS_SCHEDULER_PORT": (settings.metrics_host, settings.metrics_scheduler_port),
    }
    used = {name: place for name, place in wanted.items() if place[1]}
    ports = [port for _, port in used.values()]
    if twins := [name for name, (_, port) in used.items() if ports.count(port) > 1]:
        raise ConfigError([f"{' and '.join(twins)} name the same port. Give each its own, or turn one off with 0."])
    taken = [f"{host}:{port} ({name})" for name, (host, port) in used.items() if not is_free(host, port)]
    if taken:
        raise Refused(
            f"Another program holds {', '.join(taken)}. Stop it (`ss -ltnp` names it), or choose other ports "
            "with these variables. Nothing was started."
        )


def _listen(house: Household) -> dict[int, Any]:
    """First signal: stop. Second: at once. Returns the handlers there were."""

    def stop(_number: int, _frame: object) -> None:
        house.supervisor.forced = house.stopping.is_set()
        house.stopping.set()

    return {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}


def _answers(url: str) -> bool:
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=1).status_code == 200
    except requests.RequestException:
        return False


def _unheard(settings: Settings, since: datetime) -> list[str]:
    from worker.store import heartbeats
    from worker.store.database import Database

    db = Database.open(settings.database_url)
    try:
        heard = {beat.kind for beat in heartbeats.latest(db) if beat.at >= since}
    finally:
        db.dispose()
    return [kind for kind in ("worker", "scheduler") if kind not in heard]
