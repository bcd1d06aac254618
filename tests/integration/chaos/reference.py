"""The same desk on a day without faults: every event once, in order, into a Hookdesk of one process.

What comes of it is what a run under the nemesis has to come to. Nothing is posted, killed, doubled or overtaken here,
and nothing is performed: so everything that depends on who was free, or on how late it was, is left out of the
comparison (see `compare`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.chaos.desk import SupportDesk
from worker.clock import ManualClock
from worker.config import Settings
from worker.desk import Desk
from worker.policy_file import load_policy
from worker.practice import payloads
from worker.practice.server import PracticeChatwoot
from worker.processing import drain
from worker.store.database import Database
from worker.store.inbox import Receipt, accept
from worker.wake import RecordingWaker

POLICY = Path(__file__).with_name("policy.toml")
GROUP = 200
PACE = timedelta(milliseconds=20)  # between two steps: a message's time has milliseconds, a status's microseconds
SAME = ("source", "external_id", "generation", "subject", "status", "score", "category", "channel", "requester",
        "organization", "fields", "reopen_count")  # fmt: skip
OWN_LABEL = "escalated"
"""What has to be equal, with the resolution and the labels. Left out: `id`, times and `sla` (the hour of the run);
`assignee`, `team`, `escalation`, and the priority and label that follow from an escalation, which depend on who was
free and on what was heard of first: those are compared with what Chatwoot shows. The score behind the priority is in.
"""


class _Straight:
    """A sender without a network: events are kept until they are handed to the inbox."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def announce(self, event: str, payload: dict[str, Any]) -> None:
        self.bodies.append(payloads.body({**payload, "event": event}))


def run(folder: Path, *, seed: int, steps: int) -> dict[str, dict[str, Any]]:
    """Act out so many steps of the seed and return the tickets, by external id, as `compare` wants them."""
    folder.mkdir()
    clock = ManualClock(datetime.now(UTC) - steps * PACE)
    practice, straight = PracticeChatwoot(clock=clock), _Straight()
    practice.chat._announce = straight.announce
    settings = Settings(data_dir=folder, config=POLICY)
    db = Database.open(settings.database_url)
    db.migrate()
    hookdesk = Desk(settings=settings, policy=load_policy(POLICY), db=db, wake=RecordingWaker())
    desk = SupportDesk(practice, seed)
    try:
        while desk.done < steps:
            for _ in range(min(GROUP, steps - desk.done)):
                desk.act(count=1)
                clock.advance(PACE)
            accept(db, [_receipt(body) for body in straight.bodies])
            straight.bodies.clear()
            while drain(hookdesk, seconds=60):
                pass
        return comparable(tickets(settings.database_url, folder))
    finally:
        db.dispose()


def _receipt(body: bytes) -> Receipt:
    key = uuid.uuid4().hex
    return Receipt(key, "chatwoot", "account", key, key, {}, body, datetime.now(UTC))


def tickets(database_url: str, folder: Path) -> list[dict[str, Any]]:
    """All tickets, by the public command line."""
    return list(command(database_url, folder, "tickets", "--json", "--limit", "10000"))


def command(database_url: str, folder: Path, *words: str) -> list[dict[str, Any]]:
    """The JSON lines of a `hookdesk` command; exit code 1 means findings, which the caller looks at."""
    env = {"PATH": os.environ["PATH"], "HOOKDESK_DATABASE_URL": database_url, "HOOKDESK_DATA_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "worker.cli.main", *words], env=env, capture_output=True, timeout=300, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"hookdesk {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def comparable(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The part of each ticket that must not depend on faults, load or the hour."""
    shaped = {}
    for ticket in found:
        kept = {name: ticket[name] for name in SAME} | {"tags": sorted(set(ticket["tags"]) - {OWN_LABEL})}
        run = ticket["resolution"]
        kept["resolution"] = None if run is None else (run["ordinal"], run["text"])
        shaped[ticket["external_id"]] = kept
    return shaped
