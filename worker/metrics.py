"""Every metric of Hookdesk, declared once, and the HTTP thread that shows them.

Counters and histograms live here and work over several processes; what is counted from the database (backlog, dead
letters, timers) is in `worker.metrics_sql` and shown by the scheduler alone, so that nothing is counted twice.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from worker.metrics_dir import VARIABLE, is_alive
from worker.metrics_port import taken

REGISTRY = CollectorRegistry()

_RECEIVE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # 5: Chatwoot gives up
_WORK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)  # 20: the task limit and the call deadline
_WAIT = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600)
_SKEW = (1, 5, 15, 30, 60, 120, 300, 600, 3600)  # 300: the default tolerance
_BYTES = (256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


WEBHOOKS_RECEIVED = _counter(
    "hookdesk_webhooks_received_total",
    "Requests that arrived at the door, by what became of them.",
    "source",
    "outcome",
)
RECEIVE_DURATION = _histogram(
    "hookdesk_webhook_receive_duration_seconds", "From the request's arrival to its answer.", _RECEIVE, "source"
)
BODY_BYTES = _histogram("hookdesk_webhook_body_bytes", "Size of request bodies.", _BYTES, "source")
SKEW = _histogram(
    "hookdesk_webhook_skew_seconds", "Distance between the signed time of sending and our clock.", _SKEW, "source"
)
SPOOLED = _counter(
    "hookdesk_webhooks_spooled_total", "Requests kept in the spool because the database was away.", "source"
)
WAKEUPS = _counter("hookdesk_wakeups_total", "Messages to the broker that name due work.", "origin", "outcome")
TASK_ATTEMPTS = _counter("hookdesk_task_attempts_total", "Tries at a piece of work, the first included.", "task")
TASK_FAILURES = _counter("hookdesk_task_failures_total", "Tries that failed, by cause.", "task", "reason")
TASK_RETRIES = _counter(
    "hookdesk_task_retries_total", "Failed tries after which another was scheduled.", "task", "reason"
)
TASK_DURATION = _histogram("hookdesk_task_duration_seconds", "How long one run of a task took.", _WORK, "task")
QUEUE_WAIT = _histogram("hookdesk_task_queue_wait_seconds", "From due to taken up.", _WAIT, "task")
DELIVERIES = _counter("hookdesk_deliveries_total", "Deliveries that reached an end, by which one.", "source", "outcome")
DEAD_LETTERS_TOTAL = _counter("hookdesk_dead_letters_total", "Deliveries buried, by cause.", "source", "cause")
OUTBOUND_REQUESTS = _counter(
    "hookdesk_outbound_requests_total", "Calls to other systems, by how they ended.", "dependency", "outcome"
)
OUTBOUND_DURATION = _histogram(
    "hookdesk_outbound_duration_seconds", "How long calls to other systems took.", _WORK, "dependency"
)
EFFECTS = _counter(
    "hookdesk_effects_total",
    "Tries at effects, by how they were settled; parked: held back, the ticket had too many.",
    "kind",
    "outcome",
)
SLA_BREACHES = _counter("hookdesk_sla_breaches_total", "Promised times that passed unmet.", "kind")
ESCALATIONS = _counter("hookdesk_escalations_total", "Steps by which tickets went to a senior, each level counted.")
TIMER_LATENESS = _histogram("hookdesk_sla_timer_lateness_seconds", "From due to fired.", _WAIT, "kind")
CSAT_SENT = _counter("hookdesk_csat_sent_total", "Surveys sent to customers.")
CSAT_RESPONSES = _counter("hookdesk_csat_responses_total", "Answers to surveys, by what became of them.", "outcome")
FENCED_WRITES = _counter(
    "hookdesk_fenced_writes_total", "Writes refused because the lease had gone to somebody else.", "task"
)
LEASES_EXPIRED = _counter(
    "hookdesk_leases_expired_total", "Leases that ran out: a process died or was too slow.", "task"
)
INLINE_BATCHES = _counter(
    "hookdesk_inline_batches_total", "Batches the scheduler processed itself because no wake-up was accepted."
)

SOURCES = ("chatwoot", "email", "form", "survey")
TASKS = ("process_deliveries", "perform_effects", "fire_timers")
CLOCKS = ("first_response", "next_response", "resolution")
EFFECT_KINDS = (
    "assign_team", "assign_agent", "set_status", "set_priority", "add_labels", "set_attributes", "private_note",
    "reply", "survey", "closing_notice", "operator_notice", "event",
)  # fmt: skip

KNOWN: Mapping[MetricWrapperBase, tuple[tuple[str, ...], ...]] = {
    WEBHOOKS_RECEIVED: (
        SOURCES,
        ("accepted", "duplicate", "spooled", "too_large", "stale_timestamp", "rejected", "overloaded"),
    ),
    RECEIVE_DURATION: (SOURCES,),
    BODY_BYTES: (SOURCES,),
    SPOOLED: (SOURCES,),
    WAKEUPS: (("web", "scheduler", "worker", "api"), ("ok", "error", "skipped", "enough")),
    TASK_ATTEMPTS: (TASKS,),
    TASK_DURATION: (TASKS,),
    QUEUE_WAIT: (TASKS,),
    DELIVERIES: (SOURCES, ("processed", "ignored", "stale", "duplicate", "dead")),
    OUTBOUND_REQUESTS: (("chatwoot", "event", "notice", "smtp"), ("ok", "error", "timeout", "throttled")),
    OUTBOUND_DURATION: (("chatwoot", "event", "notice", "smtp"),),
    EFFECTS: (EFFECT_KINDS, ("done", "retry", "cancelled", "dead", "no_target", "parked")),
    SLA_BREACHES: (CLOCKS,),
    FENCED_WRITES: (TASKS,),
    LEASES_EXPIRED: (TASKS,),
    CSAT_RESPONSES: (("recorded", "duplicate", "expired"),),
}
"""Label values known beforehand: they start at 0, so that a first error is an increase and not a new series."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running metrics endpoint; `port` is the real one."""

    port: int
    _server: WSGIServer
    _thread: threading.Thread

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def serve(
    port: int | None, host: str, *, sql: Collector | None = None, spooled: Callable[[], int] | None = None
) -> Server | None:
    """Show /metrics on a daemon thread. Port 0 or None: off, returns None. Raises ConfigError if the port is taken.

    Call it once per service, in the parent process. The scheduler gives `sql`, a `worker.metrics_sql.SqlCollector`;
    the receiver gives `spooled`, which counts what waits in its spool.
    """
    if not port:
        return None
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter says nothing here
    _start_at_zero()
    extra = [part for part in (sql, Spool(spooled) if spooled else None) if part is not None]
    try:
        server = make_server(host, port, _app(extra), _Threads, handler_class=_Quiet)
    except OSError as exc:
        raise taken(host, port, exc) from exc
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    return Server(server.server_port, server, thread)


def registry(extra: Sequence[Collector] = ()) -> CollectorRegistry:
    """What one scrape reads: fresh, because with several processes the values are in files and not in this process."""
    directory = os.environ.get(VARIABLE)
    fresh = CollectorRegistry()
    if directory:
        _forget_the_dead(Path(directory))
        MultiProcessCollector(fresh, directory)  # type: ignore[no-untyped-call]  # the library has no types here
    else:
        fresh.register(_Own())
    for collector in extra:
        fresh.register(collector)
    return fresh


class Spool(Collector):
    """How much waits in the receiver's spool, counted on the disk when somebody asks."""

    NAME = "hookdesk_spooled_deliveries"

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily(self.NAME, "Requests in the spool, not yet in the inbox; also those set aside.")]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            waiting = self._count()
        except OSError:  # the folder went away under us: an absent gauge says so, a failed scrape would hide the rest
            return []
        return [
            GaugeMetricFamily(
                self.NAME, "Requests in the spool, not yet in the inbox; also those set aside.", value=waiting
            )
        ]


class _Own(Collector):
    """The metrics of this process, for services of one process."""

    def collect(self) -> Iterable[Any]:
        return REGISTRY.collect()


class _Threads(ThreadingMixIn, WSGIServer):
    """One thread per scrape, so that a slow reader holds nobody up."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """No access log: a scrape every few seconds says nothing."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        return


def _app(extra: Sequence[Collector]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return make_wsgi_app(registry(extra))(environ, start_response)

    return app


def _start_at_zero() -> None:
    for metric, values in KNOWN.items():
        for labels in itertools.product(*values):
            metric.labels(*labels)


def _forget_the_dead(directory: Path) -> None:
    """Drop live gauges of processes that were killed and could not say goodbye; counters keep counting."""
    for pid in {path.stem.rpartition("_")[2] for path in directory.glob("gauge_live*_*.db")}:
        if pid.isdigit() and not is_alive(int(pid)):
            mark_process_dead(int(pid), str(directory))  # type: ignore[no-untyped-call]
