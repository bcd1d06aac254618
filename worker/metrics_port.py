"""Is the metrics port free? For a process that serves only once it has forked, too late to refuse its own start."""

from __future__ import annotations

import socket

from worker.errors import ConfigError


def refuse_taken(port: int, host: str) -> None:
    """Raises ConfigError if `metrics.serve` would. Port 0 is off."""
    if not port:
        return
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as exc:
        raise taken(host, port, exc) from exc


def taken(host: str, port: int, exc: OSError) -> ConfigError:
    """The error for a port that cannot be listened on."""
    why = (exc.strerror or str(exc)).partition(" (")[0]
    remedy = (
        "free that address or choose another port with HOOKDESK_METRICS_WEB_PORT, …_WORKER_PORT or …_SCHEDULER_PORT"
    )
    return ConfigError([f"metrics cannot listen on {host}:{port}: {why}; {remedy} (0 turns the endpoint off)"])
