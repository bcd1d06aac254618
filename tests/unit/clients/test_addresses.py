"""Where an outgoing webhook may go: each kind of address that must not be reached, and the ways to disguise one."""

from __future__ import annotations

import pytest

from worker.clients.addresses import is_private_literal, refusal

PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.8.9.10",
    "100.64.0.1", "100.127.255.255", "198.18.0.1", "198.19.255.255", "::1", "fc00::1", "fdff::1",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.51.100.7",
    "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::ffff:127.0.0.1",
    "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1",
    "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "::7f00:1", "4000::1", "not an address",
]  # fmt: skip


class TestRefusal:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_the_public_internet_is_open(self, address: str) -> None:
        assert refusal(address, allow_private=False) is None
        assert refusal(address, allow_private=True) is None

    @pytest.mark.parametrize("address", PRIVATE)
    def test_what_is_inside_needs_to_be_allowed(self, address: str) -> None:
        assert "allow_private = true" in str(refusal(address, allow_private=False))
        assert refusal(address, allow_private=True) is None

    @pytest.mark.parametrize("address", NEVER)
    def test_some_are_never_reached(self, address: str) -> None:
        assert refusal(address, allow_private=False) is not None
        assert refusal(address, allow_private=True) is not None

    @pytest.mark.parametrize("address", PUBLIC)
    def test_what_is_not_encrypted_stays_inside(self, address: str) -> None:
        assert "not encrypted" in str(refusal(address, allow_private=True, only_private=True))

    @pytest.mark.parametrize("address", PRIVATE)
    def test_inside_it_may_be_plain(self, address: str) -> None:
        assert refusal(address, allow_private=True, only_private=True) is None


class TestLiterals:
    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "10.1.2.3", "::1", "fd00::1"]
    )
    def test_they_are_known_without_asking_anybody(self, host: str) -> None:
        assert is_private_literal(host)

    @pytest.mark.parametrize("host", ["crm.example.com", "8.8.8.8", "localhost.example.com", ""])
    def test_others_are_not(self, host: str) -> None:
        assert not is_private_literal(host)
