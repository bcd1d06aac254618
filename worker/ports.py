"""Ports of this machine: may one be listened on, and which is free."""

from __future__ import annotations

import socket


def refuse_shared(host: str, port: int) -> None:
    """Raises OSError if this port cannot be listened on by us alone: taken, not allowed, or not our address.

    What a process that has ended left behind (TIME_WAIT) is in nobody's way.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def is_free(host: str, port: int) -> bool:
    """Can this port be listened on?"""
    try:
        refuse_shared(host, port)
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
