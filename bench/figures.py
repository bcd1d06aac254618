"""Measures a whole Hookdesk on this machine: accepted per second, answer times, processed per second to commit.

    python -m bench.figures [--database postgresql://…] [--count 5000] [--connections 32]

Starts `hookdesk up` in a temporary folder, posts distinct signed webhooks, waits until all are processed and prints a
line of JSON. It measures; it asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from worker.store.database import Database
from worker.store.ledger import ledger

METRICS = ("WEB", "WORKER", "SCHEDULER")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, database: str | None) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """`hookdesk up` with a secret of our own; returns once it is ready."""
    ready = folder / "ready.json"
    env = {
        **os.environ,
        "HOOKDESK_DATA_DIR": str(folder / "data"),
        "HOOKDESK_PORT": str(free_port()),
        "HOOKDESK_CHATWOOT_WEBHOOK_SECRETS": secrets.token_hex(24),
        **{f"HOOKDESK_METRICS_{name}_PORT": "0" for name in METRICS},
        **({"HOOKDESK_DATABASE_URL": database} if database else {}),
    }
    log = (folder / "up.log").open("wb")
    command = [sys.executable, "-m", "worker.cli.main", "up", "--ready-file", str(ready)]
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    while not ready.exists():
        if process.poll() is not None:
            raise SystemExit((folder / "up.log").read_text())
        time.sleep(0.1)
    return process, env


def post(env: dict[str, str], count: int, connections: int) -> dict[str, Any]:
    """The load, from a process of its own."""
    url = f"http://127.0.0.1:{env['HOOKDESK_PORT']}/webhooks/chatwoot"
    secret = env["HOOKDESK_CHATWOOT_WEBHOOK_SECRETS"]
    command = [sys.executable, "-m", "bench.load", url, "--secret", secret]
    command += ["--count", str(count), "--connections", str(connections)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def processed_per_second(database: str, count: int, before: int) -> float:
    """Deliveries brought to an outcome per second, from the first to the last commit."""
    db = Database.open(database)
    try:
        while (now := ledger(db)).received < before + count or now.pending or now.processing or now.retry:
            time.sleep(0.05)
        with db.read() as conn:
            newest = f"SELECT received_at, done_at FROM deliveries ORDER BY id DESC LIMIT {count}"
            sql = f"SELECT MIN(received_at), MAX(done_at) FROM ({newest}) AS newest"
            began, ended = (_moment(at) for at in conn.exec_driver_sql(sql).one())
    finally:
        db.dispose()
    return count / (ended - began)


def _moment(at: Any) -> float:
    from datetime import datetime

    parsed: datetime = datetime.fromisoformat(at) if isinstance(at, str) else at
    return parsed.timestamp()


def main() -> None:
    """Run from the command line; see --help."""
    parser = argparse.ArgumentParser(description="Measure a whole Hookdesk on this machine.")
    parser.add_argument("--database")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, env = start(folder, given.database)
        url = given.database or f"sqlite:///{folder / 'data' / 'hookdesk.db'}"
        try:
            for run in range(given.runs):
                figures = post(env, given.count, given.connections)
                rate = processed_per_second(url, given.count, run * given.count)
                kind = url.partition(":")[0]
                print(json.dumps({"store": kind, **figures, "accepted_and_processed_per_second": round(rate)}))
        finally:
            process.terminate()
            process.wait(40)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}", file=sys.stderr)


if __name__ == "__main__":
    main()
