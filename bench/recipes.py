"""The recipe as a contender: gunicorn, Celery and a Valkey of its own; see bench/recipe/."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from celery import Celery

from bench import traffic
from bench.processes import Started, answers, free_port
from worker import broker

HERE = Path(__file__).parent / "recipe"
PATH = "/webhooks/chatwoot"
NEEDS = ("gunicorn", "psycopg_pool")
WEB_PROCESSES = os.environ.get("RECIPE_WEB_PROCESSES", "2")
THREADS = os.environ.get("RECIPE_THREADS", "16")
WORKER_PROCESSES = os.environ.get("RECIPE_WORKER_PROCESSES", "2")


def missing() -> list[str]:
    """What has to be installed before it can run; `make bench` does."""
    return [name for name in NEEDS if find_spec(name) is None]


class Recipe:
    """One recipe with its own database; the parts can be started one by one."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.secret = secrets.token_hex(24)
        self._port = free_port()
        self._started = Started(folder / "logs")
        self._broker = broker.prepare(folder)
        self.env = {
            **os.environ,
            "RECIPE_BROKER_URL": self._broker.url,
            "RECIPE_DATABASE_URL": database_url,
            "RECIPE_SECRET": self.secret,
            "RECIPE_THREADS": THREADS,
        }
        with psycopg.connect(database_url) as conn:
            conn.execute((HERE / "schema.sql").read_text("utf-8"))

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self._port}{PATH}"

    def start_broker(self) -> None:
        """Valkey, with what it had on disk."""
        self._broker.start()

    def start_receiver(self) -> None:
        """gunicorn, answering."""
        command = [sys.executable, "-m", "gunicorn", "--chdir", str(HERE), "--worker-class", "gthread"]
        command += ["--workers", WEB_PROCESSES, "--threads", THREADS, "--keep-alive", "30"]
        self._started.start("gunicorn", [*command, "--bind", f"127.0.0.1:{self._port}", "app:app"], self.env)
        self._started.wait(lambda: answers(self.url))

    def start_worker(self) -> None:
        """Celery; returns at once."""
        command = [sys.executable, "-m", "celery", "--quiet", "--workdir", str(HERE), "--app", "tasks", "worker"]
        command += ["--concurrency", WORKER_PROCESSES, "--loglevel", "WARNING"]
        self._started.start("celery", command, {**self.env, "PYTHONPATH": str(HERE)})

    def stop(self) -> None:
        """End what runs."""
        self._started.stop()
        self._broker.stop()

    def pids(self) -> dict[str, int]:
        """The running processes by role."""
        served = {"valkey": self._broker.process.pid} if self._broker.process is not None else {}
        return self._started.pids | served

    def requests(self, first: int, count: int) -> list[bytes]:
        """Ready-made signed requests about `count` new conversations."""
        return traffic.requests(self.url, self.secret, first=first, count=count)

    def enqueue(self, bodies: Iterable[bytes]) -> None:
        """What the receiver would hand to Celery, without the receiver."""
        app = Celery("recipe", broker=self._broker.url, set_as_current=False)
        with app.connection_for_write() as connection:
            producer = app.amqp.Producer(connection)
            for body in bodies:
                app.send_task("tasks.process", args=[body.decode()], producer=producer, ignore_result=True)
        app.close()

    def waiting(self) -> int:
        """Tasks that are not finished: in the queue, or given out and not acknowledged."""
        with redis.Redis.from_url(self._broker.url) as client:
            return int(client.llen("celery")) + int(client.hlen("unacked"))
