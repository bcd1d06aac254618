"""A small network of our own: a bridge and network namespaces on it, each as good as a machine that can be cut off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.programs import needed

_CUT = "add table inet cut; add chain inet cut {way} {{ type filter hook {way} priority 0; policy accept; }}; "
_numbers = iter(range(1, 250))


def require_network() -> None:
    """Skips where there are no rights for it; where there are (in CI as root) a missing program fails."""
    if os.geteuid() != 0:
        pytest.skip("separate network namespaces need root: NOT tested here, nothing else is put in their place")
    for program in ("ip", "nft"):
        needed(program)


class Machine:
    """One namespace with an address. Cut off, its packets to and from the given ports are dropped without a word."""

    def __init__(self, network: int, number: int) -> None:
        self.name, self._veth, self._bridge = f"hd{network}-{number}", f"hdv{network}-{number}", _bridge(network)
        self.host, self.address = f"10.77.{network}.1", f"10.77.{network}.{10 + number}"
        self.prefix = ["ip", "netns", "exec", self.name]

    def plug_in(self) -> None:
        """Make it and connect it to the bridge."""
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self._veth, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _run("ip", "link", "set", self._veth, "master", self._bridge, "up")
        _run(*self.prefix, "ip", "link", "set", "lo", "up")
        _run(*self.prefix, "ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        _run(*self.prefix, "ip", "link", "set", "eth0", "up")

    def cut_off(self, *ports: int) -> None:
        """From these ports of the host, in both directions; open connections stay open and hear nothing."""
        those = "{ " + ", ".join(map(str, ports)) + " }"
        rules = _CUT.format(way="output") + _CUT.format(way="input")
        rules += f"add rule inet cut output ip daddr {self.host} tcp dport {those} drop; "
        rules += f"add rule inet cut input ip saddr {self.host} tcp sport {those} drop"
        _run(*self.prefix, "nft", rules)

    def heal(self) -> None:
        """Let everything through again."""
        _run(*self.prefix, "nft", "delete table inet cut")

    def unplug(self) -> None:
        """Gone, its cable first: the kernel takes namespaces apart later."""
        _try("ip", "link", "delete", self._veth)
        _try("ip", "netns", "delete", self.name)


@contextmanager
def network(count: int) -> Iterator[list[Machine]]:
    """So many machines on one bridge, with the host on it, too; all of it is gone at the end."""
    number = _claimed()
    machines = [Machine(number, one) for one in range(count)]
    try:
        _run("ip", "address", "add", f"{machines[0].host}/24", "dev", _bridge(number))
        _run("ip", "link", "set", _bridge(number), "up")
        for machine in machines:
            machine.plug_in()
        yield machines
    finally:
        for machine in machines:
            machine.unplug()
        _try("ip", "link", "delete", _bridge(number))


def _claimed() -> int:
    """The next number whose bridge nobody has, made here: another run's, or what one left over, is let alone."""
    for number in _numbers:
        done = _try("ip", "link", "add", _bridge(number), "type", "bridge")
        if done.returncode == 0:
            return number
        assert "File exists" in done.stderr, f"no bridge can be made here: {done.stderr}"
    raise AssertionError("no number is left: delete what `ip link` shows of earlier runs, hdbr1 to hdbr249")


def _bridge(number: int) -> str:
    return f"hdbr{number}"


def _run(*command: str) -> None:
    done = _try(*command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def _try(*command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        print(f"{' '.join(command)}: {done.stderr}")  # shown when the test fails
    return done
