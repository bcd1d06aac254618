"""The whole receiver in this process, on a real SQLite file: what it answers, and whether the inbox holds it then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.fuzz.asgi import ask, receiver
from tests.fuzz.cases import KINDS, Case, one
from tests.fuzz.counting import Count
from tests.fuzz.promised import Promised, compare
from tests.unit.webhooks.senders import BEARER, CHATWOOT_SECRET, LINK_SECRET, STANDARD_SECRET, URL_TOKEN
from webhooks import spool
from worker.config import Settings
from worker.store.database import Database

ROUND = 20_000  # cases on one database; then all of it is compared, and a new one begins
AT_ONCE = 48
DRAIN_SECONDS = 30


def run(seed: int, cases: int, say: Callable[[str], None], folder: Path) -> list[Count]:
    """Rounds of cases, each on a receiver of its own."""
    counts = {name: Count(f"door: {name}") for name in KINDS}
    for number, start in enumerate(range(0, cases, ROUND)):
        with TemporaryDirectory(dir=folder, prefix="door-") as place:
            rng = Random(f"{seed}/door/{number}")
            asyncio.run(_round(Path(place), rng, min(ROUND, cases - start), counts))
        done = list(counts.values())
        say(f"door: {sum(c.cases for c in done):,} cases, {sum(c.faulty for c in done)} faults")
    return list(counts.values())


async def _round(place: Path, rng: Random, cases: int, counts: dict[str, Count]) -> None:
    settings = _settings(place)
    db = Database.open(settings.database_url)
    db.migrate()
    promised, left = Promised(), _cases(rng, cases)
    began = time.monotonic()
    async with receiver(settings) as front:

        async def work() -> None:
            for case in left:  # one generator for all: whoever is free takes the next
                await _one(front, case, counts[case.kind], promised)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        await _drained(settings)
    shares = {name: count.cases for name, count in counts.items()}
    for name, count in counts.items():
        count.seconds += (time.monotonic() - began) * shares[name] / max(1, sum(shares.values()))
    compare(db, promised, counts["genuine"], is_all=True)
    db.dispose()


def _cases(rng: Random, cases: int) -> Iterator[Case]:
    for _ in range(cases):
        yield one(rng)


async def _one(front: object, case: Case, count: Count, promised: Promised) -> None:
    began = time.perf_counter()
    try:
        status, body = await ask(front, case.request)  # type: ignore[arg-type]
    except Exception as exc:  # that is what is being looked for
        count.fault(f"{type(exc).__name__}: {exc}"[:300], case.request.shown())
        count.case("fault", time.perf_counter() - began)
        return
    seconds = time.perf_counter() - began
    outcome = str(status)
    if status not in case.allowed:
        count.fault(f"answered {status}, expected one of {sorted(case.allowed)}: {body[:200]!r}", case.request.shown())
    if status == 200 and case.kept is not None:
        outcome = f"200 {promised.took(body, case.kept)}"
    promised.survey_answers += status == 200 and case.is_survey_answer
    count.case(outcome, seconds)


async def _drained(settings: Settings) -> None:
    """What went to the spool, because the disk was slow, gets its way into the inbox."""
    until = time.monotonic() + DRAIN_SECONDS
    while spool.count(spool.directory_of(settings.data_dir)) and time.monotonic() < until:
        await asyncio.sleep(0.1)


def _settings(place: Path) -> Settings:
    return Settings(
        data_dir=place,
        link_secrets=(LINK_SECRET,),
        chatwoot_webhook_secrets=("an-older-secret", CHATWOOT_SECRET),
        chatwoot_url_token=URL_TOKEN,
        email_secrets=(STANDARD_SECRET,),
        email_bearer_tokens=(BEARER,),
    )
