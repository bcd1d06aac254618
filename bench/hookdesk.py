"""Hookdesk as a contender: the receiver alone, or all of it, on a database of its own."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

from bench import machine, traffic
from bench.processes import Started, answers, free_port
from worker import broker
from worker.config import Settings, load
from worker.domain.facts import Person
from worker.domain.routing import RosterAgent
from worker.store.database import Database
from worker.store.people import replace_roster

PATH = "/webhooks/chatwoot"
TEAMS = ("technical", "billing", "support")
AGENTS = 12
CAPACITY = 1_000_000  # nobody is ever full, so that every ticket is routed to an agent
STATEMENT_SECONDS = 1800


class Hookdesk:
    """One desk. `start_receiver` and `start_all` exclude each other; `stop` before the other one."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder / 'hookdesk.db'}"
        self.secret = secrets.token_hex(24)
        self._port = free_port()
        self._started = Started(folder / "logs")
        self._broker: broker.EmbeddedBroker | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.env = {
            **environment(),
            "HOOKDESK_DATA_DIR": str(folder / "data"),
            "HOOKDESK_DATABASE_URL": self.database_url,
            "HOOKDESK_PORT": str(self._port),
            "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": self.secret,
            "HOOKDESK_LINK_SECRETS": secrets.token_hex(32),
            "HOOKDESK_LOG_FORMAT": "json",
            "HOOKDESK_API_PORT": "0",
            **{f"HOOKDESK_METRICS_{name}_PORT": "0" for name in ("WEB", "WORKER", "SCHEDULER")},
        }
        db = self.database()
        db.migrate()
        hire(db)
        db.dispose()

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self._port}{PATH}"

    def settings(self) -> Settings:
        """What its processes see."""
        return load(self.env)

    def database(self) -> Database:
        """Its database, with patience for large statements."""
        return Database.open(self.database_url, statement_timeout=STATEMENT_SECONDS)

    def start_receiver(self) -> None:
        """`hookdesk web` and its broker, which takes wake-ups that nobody hears."""
        self._broker = broker.prepare(self.folder / "data")
        self._broker.start()
        self._started.start("web", [sys.executable, "-m", "worker.cli.main", "web"], self.env)
        self._started.wait(lambda: answers(self.url.replace(PATH, "/readyz")))

    def start_all(self, *, wait: bool = True) -> None:
        """`hookdesk up`; with `wait` returns once everything is ready."""
        ready = self.folder / "ready.json"
        command = [sys.executable, "-m", "worker.cli.main", "up", "--ready-file", str(ready)]
        self._started.start("up", command, self.env)
        if wait:
            self._started.wait(ready.exists)

    def stop(self) -> None:
        """End what runs; what was accepted stays."""
        self._started.stop()
        if self._broker is not None:
            self._broker.stop()
            self._broker = None

    def pids(self) -> dict[str, int]:
        """The processes of `start_all` by role."""
        pids: dict[str, int] = json.loads((self.folder / "ready.json").read_text())["processes"]
        return pids

    def requests(self, first: int, count: int) -> list[bytes]:
        """Ready-made signed requests about `count` new conversations."""
        return traffic.requests(self.url, self.secret, first=first, count=count)


def environment() -> dict[str, str]:
    """The caller's, but of Hookdesk's settings only how many processes and threads there shall be."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HOOKDESK_") or name.startswith(machine.OWN)
    }


def hire(db: Database) -> None:
    """A roster: twelve agents in three teams, all online, refreshed now."""
    teams = [Person(id=str(n + 1), name=name) for n, name in enumerate(TEAMS)]
    agents = [
        RosterAgent(
            person=Person(id=str(100 + n), name=f"Agent {n}", email=f"agent-{n}@desk.example"),
            availability="online",
            capacity=CAPACITY,
            team_ids=(str(n % len(TEAMS) + 1),),
        )
        for n in range(AGENTS)
    ]
    replace_roster(db, agents, teams)
