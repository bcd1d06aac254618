"""Which network addresses an outgoing webhook may reach, and why not the others."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def _table(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(network), what) for network, what in rows)


NEVER = _table(
    ("0.0.0.0/8", "names no host"),
    ("169.254.0.0/16", "is link-local, where clouds keep their credentials"),
    ("192.0.0.0/24", "is reserved"),
    ("192.0.2.0/24", "is for documentation"),
    ("192.88.99.0/24", "is a 6to4 relay"),
    ("198.51.100.0/24", "is for documentation"),
    ("203.0.113.0/24", "is for documentation"),
    ("224.0.0.0/4", "is multicast"),
    ("240.0.0.0/4", "is reserved"),
    ("::/128", "names no host"),
    ("::ffff:0:0/96", "hides an IPv4 address"),
    ("64:ff9b::/96", "hides an IPv4 address (NAT64)"),
    ("64:ff9b:1::/48", "hides an IPv4 address (NAT64)"),
    ("2001::/23", "is reserved"),  # with Teredo, which hides an IPv4 address
    ("2001:db8::/32", "is for documentation"),
    ("2002::/16", "hides an IPv4 address (6to4)"),
    ("3fff::/20", "is for documentation"),
    ("fe80::/10", "is link-local"),
    ("fec0::/10", "is site-local"),
    ("ff00::/8", "is multicast"),
)
"""Refused to everybody: nobody means them, and some are a way around the other table."""

PRIVATE = _table(
    ("10.0.0.0/8", "is private"),
    ("100.64.0.0/10", "is private (shared by carriers)"),
    ("127.0.0.0/8", "is this machine"),
    ("172.16.0.0/12", "is private"),
    ("192.168.0.0/16", "is private"),
    ("198.18.0.0/15", "is private (benchmarks)"),
    ("::1/128", "is this machine"),
    ("fc00::/7", "is private"),
)
"""Refused unless the target says `allow_private = true`."""

_PUBLIC_V6 = IPv6Network("2000::/3")


def refusal(address: str, *, allow_private: bool, only_private: bool = False) -> str | None:
    """Why this address may not be reached, to follow its name in a sentence; None when it may.

    `only_private`: for what is not encrypted, which must not leave the house.
    """
    try:
        read = ip_address(address)
    except ValueError:
        return "is not an address"
    for network, what in NEVER:
        if read in network:
            return what
    private = next((what for network, what in PRIVATE if read in network), None)
    if private is not None:
        return None if allow_private else f"{private}, and this target has no allow_private = true"
    if isinstance(read, IPv6Address) and read not in _PUBLIC_V6:
        return "is not on the public internet"
    return "is public, and http:// is not encrypted" if only_private else None


def is_private_literal(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine or a private address, without asking anybody."""
    if host.rstrip(".").lower() == "localhost" or host.rstrip(".").lower().endswith(".localhost"):
        return True
    try:
        read = ip_address(host)
    except ValueError:
        return False
    return any(read in network for network, _ in PRIVATE)
