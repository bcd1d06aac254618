"""A small network of our own: a bridge and network namespaces on it, each as good as a machine that can be cut off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.programs import needed

_NUMBER = os.getpid() % 200
HOST = f"10.77.{_NUMBER}.1"
_BRIDGE = f"hdbr{_NUMBER}"
_CUT = "add table inet cut; add chain inet cut {way} {{ type filter hook {way} priority 0; policy accept; }}; "


def require_network() -> None:
    """Skips where there are no rights for it; where there are (in CI as root) a missing program fails."""
    if os.geteuid() != 0:
        pytest.skip("separate network namespaces need root: NOT tested here, nothing else is put in their place")
    for program in ("ip", "nft"):
        needed(program)


class Machine:
    """One namespace with an address. Cut off, its packets to and from the given ports are dropped without a word."""

    def __init__(self, number: int) -> None:
        self.name, self._veth = f"hd{_NUMBER}-{number}", f"hdv{_NUMBER}-{number}"
        self.address = f"10.77.{_NUMBER}.{10 + number}"
        self.prefix = ["ip", "netns", "exec", self.name]

    def plug_in(self) -> None:
        """Make it and connect it to the bridge."""
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self._veth, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _run("ip", "link", "set", self._veth, "master", _BRIDGE, "up")
        _run(*self.prefix, "ip", "link", "set", "lo", "up")
        _run(*self.prefix, "ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        _run(*self.prefix, "ip", "link", "set", "eth0", "up")

    def cut_off(self, *ports: int) -> None:
        """From these ports of the host, in both directions; open connections stay open and hear nothing."""
        those = "{ " + ", ".join(map(str, ports)) + " }"
        rules = _CUT.format(way="output") + _CUT.format(way="input")
        rules += f"add rule inet cut output ip daddr {HOST} tcp dport {those} drop; "
        rules += f"add rule inet cut input ip saddr {HOST} tcp sport {those} drop"
        _run(*self.prefix, "nft", rules)

    def heal(self) -> None:
        """Let everything through again."""
        _run(*self.prefix, "nft", "delete table inet cut")

    def unplug(self) -> None:
        """Gone, its cable first: the kernel takes namespaces apart later, and the next network wants the name."""
        for command in (["ip", "link", "delete", self._veth], ["ip", "netns", "delete", self.name]):
            subprocess.run(command, capture_output=True, timeout=20)


@contextmanager
def network(count: int) -> Iterator[list[Machine]]:
    """So many machines on one bridge; all of it is gone at the end."""
    machines = [Machine(number) for number in range(count)]
    try:
        _run("ip", "link", "add", _BRIDGE, "type", "bridge")
        _run("ip", "address", "add", f"{HOST}/24", "dev", _BRIDGE)
        _run("ip", "link", "set", _BRIDGE, "up")
        for machine in machines:
            machine.plug_in()
        yield machines
    finally:
        for machine in machines:
            machine.unplug()
        subprocess.run(["ip", "link", "delete", _BRIDGE], capture_output=True, timeout=20)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
