"""Writes runbooks/METRICS.md from the declarations: `python -m tests.guards.metrics_page > runbooks/METRICS.md`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from worker import metrics, metrics_sql

HEAD = """# Metrics

Every metric of Hookdesk, written by `python -m tests.guards.metrics_page`; a test compares it with the code.
Three endpoints, on loopback unless `HOOKDESK_METRICS_HOST` says otherwise: 9810 receiver, 9811 worker, 9812 scheduler.
The ticket API shows its own at `/metrics` on its own port.
Labels have few, known values: never an id, an address or a text. Timestamps are Unix seconds and 0 means "none".

## Counted where it happens

Each process shows its own; add them up with `sum by (…)`.

| metric | type | labels | meaning |
|---|---|---|---|
"""
READ = """
## Read from the database and the broker

Shown by the scheduler; with several schedulers use `max by (…)`. Kept for five seconds, counts of whole tables for a
minute. While the database is away they are absent and `hookdesk_database_up` is 0.

| metric | type | labels | meaning |
|---|---|---|---|
"""
SPOOL = """
## Read from the receiver's disk

| metric | type | labels | meaning |
|---|---|---|---|
"""


def declared() -> Iterator[MetricWrapperBase]:
    """The counters and histograms of worker.metrics, in the order they stand there."""
    return (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))


def full_name(metric: MetricWrapperBase) -> str:
    """As it stands in a query: prometheus_client keeps counters without their suffix."""
    return metric._name + ("_total" if isinstance(metric, Counter) else "")


def names() -> set[str]:
    """Every metric's name."""
    return (
        {full_name(metric) for metric in declared()}
        | {shape.name for shape in metrics_sql.SHAPES}
        | {metrics.Spool.NAME}
    )


def render() -> str:
    """The whole page."""
    counted = "".join(_row(full_name(one), _kind(one), one._labelnames, one._documentation) for one in declared())
    read = "".join(
        _row(one.name, "counter" if one is metrics_sql.LOOK_ERRORS else "gauge", one.labels, one.text)
        for one in metrics_sql.SHAPES
    )
    spool = "".join(_row(metrics.Spool.NAME, "gauge", (), one.documentation) for one in metrics.Spool(int).describe())
    return HEAD + counted + READ + read + SPOOL + spool


def _kind(metric: MetricWrapperBase) -> str:
    return "histogram" if isinstance(metric, Histogram) else "counter"


def _row(name: str, kind: str, labels: tuple[str, ...], text: str) -> str:
    return f"| `{name}` | {kind} | {', '.join(labels)} | {text} |\n"


if __name__ == "__main__":
    print(render(), end="")
