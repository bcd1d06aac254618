"""Whole systems at a steady rate, as on a busy day: how long an answer takes, and how long until a ticket is routed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

import psycopg
from sqlalchemy import select

from bench.backlog import wait_until_idle, watch
from bench.findings import Cell, Findings, Table
from bench.hookdesk import Hookdesk, hire
from bench.load import Sample
from bench.numbers import milliseconds
from bench.place import Place, running, turns
from bench.recipes import Recipe
from bench.traffic import external_id
from worker.store.schema import events, tickets

CONNECTIONS = 32
WARM_SECONDS = 2.0
COLUMNS = ("p50", "p99", "p99.9", "max")
ROUTED = """
SELECT t.external_id, min(extract(epoch FROM pg_xact_commit_timestamp(e.xmin)))
FROM events e JOIN tickets t ON t.id = e.ticket_id WHERE e.name = 'ticket.routed' GROUP BY t.external_id
"""
STORED = "SELECT external_id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM tickets"
Contender = Hookdesk | Recipe


@dataclass
class Measured:
    """Of one contender over all rounds, in microseconds."""

    answers: list[int] = field(default_factory=list)
    routed: list[float] = field(default_factory=list)
    failures: int = 0
    flat_out: list[float] = field(default_factory=list)


def run(place: Place) -> Findings:
    """Everybody is up all the time; only one has work to do."""
    contenders: dict[str, Contender] = {f"Hookdesk, {store}": place.hookdesk(store) for store in place.stores}
    if place.has_recipe:
        contenders["recipe"] = place.recipe()
    measured: dict[str, Measured] = defaultdict(Measured)
    with running(*contenders.values()):
        for one in contenders.values():
            start(one)
            _paced(place, one, Measured(), seconds=min(WARM_SECONDS, place.sizes.paced_seconds))
        for order in turns(list(contenders), place.sizes.other_rounds):
            for name in order:
                _paced(place, contenders[name], measured[name], seconds=place.sizes.paced_seconds)
                place.say(f"paced: {name}, p99 {milliseconds(measured[name].answers)['p99']:.1f} ms")
            for name in order:
                _flat_out(place, contenders[name], measured[name])
                place.say(f"paced, flat out: {name} {measured[name].flat_out[-1]:,.0f}/s")
    return _findings(place, measured)


def start(one: Contender) -> None:
    """All its processes."""
    if isinstance(one, Hookdesk):
        one.start_all()
    else:
        one.start_broker()
        one.start_worker()
        one.start_receiver()


def settle(one: Contender) -> None:
    """Return once nothing waits; Hookdesk's roster is fresh for three minutes from then."""
    if isinstance(one, Recipe):
        watch(one)
        return
    db = one.database()
    wait_until_idle(db, one.settings().data_dir)
    hire(db)
    db.dispose()


def _paced(place: Place, one: Contender, into: Measured, *, seconds: float) -> None:
    settle(one)
    sample = place.sender.paced(one, connections=CONNECTIONS, seconds=seconds, rate=place.sizes.paced_rate)
    settle(one)
    into.answers += sample.micros
    into.failures += sample.failures
    into.routed += _waits(sample, _routed_at(one))


def _flat_out(place: Place, one: Contender, into: Measured) -> None:
    settle(one)
    sample = place.sender.flat_out(one, connections=CONNECTIONS, seconds=place.sizes.accept_seconds)
    settle(one)
    into.flat_out.append(sample.rate)


def _waits(sample: Sample, routed_at: Mapping[str, float]) -> list[float]:
    """Microseconds from sending to routed and committed, of those that were."""
    sent = {external_id(number): at for number, at in sample.sent.items()}
    return [(routed_at[key] - at) * 1e6 for key, at in sent.items() if key in routed_at]


def _routed_at(one: Contender) -> dict[str, float]:
    """Epoch seconds by conversation: of the commit in PostgreSQL, of the decision in SQLite."""
    if isinstance(one, Recipe) or not one.database_url.startswith("sqlite"):
        with psycopg.connect(one.database_url) as conn:
            query = STORED if isinstance(one, Recipe) else ROUTED
            return {key: float(at) for key, at in conn.execute(query) if at is not None}
    db = one.database()
    with db.read() as conn:
        told = select(tickets.c.external_id, events.c.recorded_at).where(events.c.name == "ticket.routed")
        found = conn.execute(told.join_from(events, tickets).order_by(events.c.id.desc())).all()
    db.dispose()
    return {key: at.timestamp() for key, at in found}


def _findings(place: Place, measured: Mapping[str, Measured]) -> Findings:
    sizes = place.sizes
    told = (
        f"{sizes.paced_rate:g} webhooks a second over {CONNECTIONS} connections, each a new ticket, with receiver, "
        "worker, scheduler and broker running. A time counts from the moment the request was due.",
        "“Routed” is the time from sending a webhook until its ticket is parsed, routed, under its clocks and "
        "committed; for the recipe until its row is committed. On SQLite it is taken inside the transaction, which "
        "lacks the commit itself.",
        f"“Flat out” is the rate of answers over {CONNECTIONS} connections while the workers take their share of the "
        "machine: what a burst meets.",
    )
    rows: list[list[Cell]] = []
    for name, one in measured.items():
        answers, routed = milliseconds(one.answers), milliseconds(one.routed)
        rows.append([f"{name}: answer", len(one.answers), *(answers[c] for c in COLUMNS), one.failures])
        rows.append([f"{name}: routed", len(one.routed), *(routed[c] for c in COLUMNS), None])
    paced = Table("Times at a steady rate", ["what", "requests", *(f"{c} ms" for c in COLUMNS), "not 200"], rows)
    bursts: list[list[Cell]] = [
        [name, median(one.flat_out), min(one.flat_out), max(one.flat_out)] for name, one in measured.items()
    ]
    burst = Table("Answers per second flat out, with everything running", ["who", "median", "min", "max"], bursts)
    return Findings("Whole systems at a steady rate", [*told, *place.without], [paced, burst])
