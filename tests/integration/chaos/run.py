"""One run: a desk at work, a nemesis at large, rest, and the judgement."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.chaos import checker, plan, reference
from tests.integration.chaos.books import Books
from tests.integration.chaos.desk import SupportDesk
from tests.integration.chaos.evidence import Evidence, gather
from tests.integration.chaos.journal import Journal
from tests.integration.chaos.nemesis import Nemesis
from tests.integration.chaos.parts import PARTS, Parts
from tests.integration.chaos.plan import Fault
from tests.integration.chaos.sender import PatientSender
from tests.integration.chaos.stores import Store, open_store
from tests.integration.chaos.watch import Watch
from tests.integration.system import SECRET
from tests.integration.valkey import Broker, ValkeyServer
from tests.rabbitmq import RabbitServer
from webhooks import spool
from worker.practice.chat import Chat
from worker.practice.server import TOKEN, PracticeChatwoot

LEASE_SECONDS = 3
SPOOL_BYTES = 300_000  # small on purpose: an outage of the database fills it, and the answer becomes 503
EVENTS_PER_STEP = 2.5  # at least: twins, duplicates, copies and what Hookdesk's own effects set off
POISON_BODY = "kill the worker, please"
REST_SECONDS = 240.0
STILL_SECONDS = 2.0
BACKLOG_MOST, WAITING_MOST = 1_500, 400


@dataclass(frozen=True)
class Job:
    """What to run. `steps` of the desk follow from `events`; the plan from seed and kills, unless given."""

    store: str
    seed: int
    events: int
    kills: int
    rate: float = 60.0
    poison: int = 2
    plan: Sequence[Fault] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    replicas: tuple[str, ...] = ()
    rest_seconds: float = REST_SECONDS
    calm: bool = False
    broker: str = "valkey"

    @property
    def steps(self) -> int:
        return max(1, int(self.events / EVENTS_PER_STEP))

    def faults(self) -> list[Fault]:
        if self.plan is not None:
            return list(self.plan)
        return plan.make(self.seed, kills=self.kills, steps=self.steps, store=self.store)


@dataclass(frozen=True)
class Result:
    """What came of it; `violations` is empty, or something is wrong."""

    job: Job
    violations: list[str]
    timeline: list[str]
    faults: list[Fault]
    counts: Counter[str]
    figures: dict[str, Any]

    def story(self) -> str:
        """For whoever has to find out: what broke, and what was going on."""
        lines = [f"{len(self.violations)} violations, seed {self.job.seed} on {self.job.store}, {self.job.broker}"]
        lines += [f"  {each}" for each in self.violations[:40]]
        return "\n".join([*lines, "timeline:", *(f"  {each}" for each in self.timeline)])


def settings_of(practice: PracticeChatwoot) -> dict[str, str]:
    """A Hookdesk in a hurry, with everything live."""
    return {
        "HOOKDESK_LEASE_SECONDS": str(LEASE_SECONDS),
        "HOOKDESK_SPOOL_MAX_BYTES": str(SPOOL_BYTES),
        "HOOKDESK_CONFIG": str(reference.POLICY),
        "HOOKDESK_EFFECTS": "live",
        "HOOKDESK_CHATWOOT_URL": practice.url,
        "HOOKDESK_CHATWOOT_TOKEN": TOKEN,
        "HOOKDESK_CHATWOOT_RATE": "500",
        "HOOKDESK_WORKER_PROCESSES": "3",
    }


class Run:
    """Everything that exists during one run; made by `running`."""

    def __init__(self, job: Job, store: Store, parts: Parts, practice: PracticeChatwoot, sender: PatientSender) -> None:
        self.job, self.store, self.parts, self.practice, self.sender = job, store, parts, practice, sender
        self.books = Books(store.url)
        self.desk = SupportDesk(practice, job.seed)
        self.watch = Watch(self.books)
        faults = job.faults()
        self.nemesis = Nemesis(faults, parts, store, practice, progress=lambda: self.desk.done)
        self.over = threading.Event()
        self.waited_for = Counter[str]()

    def go(self) -> Result:
        """Act, break, wait and judge."""
        began = time.monotonic()
        self.books.watch()
        self.parts.begin()
        self.watch.start()
        nemesis = threading.Thread(target=self.nemesis.run, args=(self.over.is_set,), name="nemesis", daemon=True)
        nemesis.start()
        self.sender.acts_here()
        for share in range(self.job.poison + 1):
            self.desk.act(count=self._share(share), per_second=self.job.rate, wait=self._is_behind)
            if share < self.job.poison:
                self._throw(share)
        while self.sender.journal.events < self.job.events:
            self.desk.act(count=10, per_second=self.job.rate)
        acted = time.monotonic() - began
        self.over.set()
        nemesis.join()
        resting = time.monotonic()
        self._rest()
        rested = time.monotonic() - resting
        self.watch.stop()
        return self._judge({"seconds acting": round(acted, 1), "seconds to rest": round(rested, 1)})

    def _is_behind(self) -> bool:
        """What is struck must be at work: the desk waits when Hookdesk, on a slow machine, cannot follow."""
        return self.watch.backlog > BACKLOG_MOST or self.sender.waiting > WAITING_MOST

    def _share(self, share: int) -> int:
        parts = self.job.poison + 1
        return self.job.steps * (share + 1) // parts - self.job.steps * share // parts

    def _throw(self, number: int) -> None:
        """By turns one that cannot be read and one that kills whoever reads it."""
        if number % 2:
            self.sender.throw(b'{"event":"webwidget_triggered","wish":"%s"}' % POISON_BODY.encode(), "poison")
        else:
            self.sender.throw(b'{"event": "message_created", "id": ', "unparsable")

    def _rest(self) -> None:
        """Until nothing is left to do, and stays so for a while; or until patience ends, and the checker says why."""
        until = time.monotonic() + self.job.rest_seconds
        still_since: float | None = None
        while time.monotonic() < until:
            missing = self._unrest()
            self.waited_for.update(dict.fromkeys(missing, 0.1))
            if not missing:
                still_since = still_since or time.monotonic()
                if time.monotonic() - still_since > STILL_SECONDS:
                    return
            else:
                still_since = None
            time.sleep(0.1)

    def _unrest(self) -> list[str]:
        """What is still going on, in words; the database may be away for a last moment."""
        waiting = {
            "spool": spool.count(spool.directory_of(self.parts.root / "data")),
            "answers": self.sender.journal.unanswered,
            **self.books.unrest(),
        }
        return [name for name, count in waiting.items() if count]

    def _judge(self, figures: dict[str, Any]) -> Result:
        folder = self.parts.root / "reference"
        wanted = reference.run(folder, seed=self.job.seed, steps=self.desk.done)
        stepped = self.nemesis.counts["clock"] > 0  # and back again in the end, so each step is one backwards, too
        evidence = gather(
            self.books, self.parts.root / "data", self.sender.journal, self.practice, wanted=wanted,
            differences=self.watch.differences, clock_was_set_back=self.store.name == "sqlite" and stepped,
        )  # fmt: skip
        return Result(
            self.job, checker.check(evidence), sorted(self.nemesis.timeline), self.nemesis.plan, self.nemesis.counts,
            figures | self._figures(evidence),
        )  # fmt: skip

    def _figures(self, e: Evidence) -> dict[str, Any]:
        entries = list(e.journal.entries.values())
        states = Counter(f"{row[4]}" for row in e.effects)
        return {
            "events": e.journal.events,
            "posts": sum(entry.posted for entry in entries),
            "distinct deliveries": len(entries),
            "facts": e.fact_count,
            "messages": len(e.facts),
            "outcomes": dict(Counter(row[3] or row[2] for row in e.deliveries)),
            "effects": dict(states),
            "timers fired": sum(1 for note in e.notes if note[0] == "timers"),
            "tickets": len(e.tickets),
            "dead letters": len(e.letters),
            "unanswered": dict(e.journal.refused),
            "differences": len(self.watch.differences),
            "looks at the ledger": self.watch.looks,
            "looks with the database away": self.watch.away,
            "waited for": {name: round(seconds, 1) for name, seconds in self.waited_for.items()},
            "restarted by itself": {name: count for name, count in self.parts.restarts.items() if count},
        }


@contextmanager
def running(job: Job, folder: Path) -> Iterator[Run]:
    """A store, a broker, a practice Chatwoot and the parts; everything ends with the block."""
    with ExitStack() as stack:
        store = open_store(job.store, folder)
        stack.callback(store.destroy)
        broker: Broker = RabbitServer() if job.broker == "rabbitmq" else ValkeyServer(folder)
        stack.callback(broker.destroy)
        practice = PracticeChatwoot(requests_per_minute=10**9, stall_seconds=2.0)
        journal = Journal()
        stack.callback(practice.stop)
        sender = PatientSender("", SECRET, seed=job.seed, journal=journal, calm=job.calm)
        practice.sender, practice.chat = sender, Chat(practice.world, sender.announce)
        practice.start()
        parts = Parts(folder, database_url=store.url, broker=broker, settings=settings_of(practice) | job.settings,
                      names=(*PARTS, *job.replicas))  # fmt: skip
        stack.callback(parts.close)
        sender.aim(f"{parts.url}/webhooks/chatwoot")
        if not job.poison:
            parts.env |= job.environment | {"HOOKDESK_FAILPOINT_ONCE": str(parts.once)}
        for name in ("worker", "scheduler") if job.poison else ():
            parts.extra[name] = {"HOOKDESK_FAILPOINT": "process.read", "HOOKDESK_FAILPOINT_BODY": POISON_BODY}
        yield Run(job, store, parts, practice, sender)


def run(job: Job, folder: Path) -> Result:
    """The whole of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with running(job, folder) as one:
        return one.go()
