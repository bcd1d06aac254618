"""Organisations: the customers behind the contacts, as the policy describes them or as a source names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from worker.domain.people import Sighting
from worker.domain.policy import OrganizationRule
from worker.store import storable
from worker.store.bulk import insert_rows, update_rows
from worker.store.schema import organizations

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Organization:
    """One, with what the policy says of it; a name that only a source gave has neither tier nor value."""

    id: int
    name: str
    tier: str = ""
    value: int = 0


class Rules:
    """The policy's organisations, to be found by domain or name."""

    def __init__(self, rules: Sequence[OrganizationRule]) -> None:
        self.by_key = {key_of(rule.name): rule for rule in reversed(rules)}
        self._by_domain = {domain.lower(): rule for rule in reversed(rules) for domain in rule.domains}

    def of(self, sighting: Sighting) -> OrganizationRule | None:
        """By the domain of the address, the nearest first (a subdomain belongs to it); else by the name of the source.

        Nothing is concluded from a domain that the policy does not name: half the world writes from the same few.
        """
        domain = (sighting.person.email or "").rpartition("@")[2].strip().lower()
        while domain:
            if domain in self._by_domain:
                return self._by_domain[domain]
            domain = domain.partition(".")[2]
        return self.by_key.get(key_of(sighting.organization)) if sighting.organization else None


def key_of(name: str) -> str:
    """What makes two names the same: words and spaces count, case does not."""
    return storable.key(" ".join(name.casefold().split()), _LONGEST)


def known_by_key(conn: Connection, names: Iterable[str], rules: Rules) -> dict[str, Organization]:
    """The organisations of these names, made where missing; the policy's tier, value and domains are brought in."""
    named: dict[str, str] = {}
    for name in names:
        named.setdefault(key_of(name), name)
    if not named:
        return {}
    wanted = {key: _row(key, name, rules.by_key.get(key)) for key, name in sorted(named.items())}
    query = select(organizations).where(organizations.c.key.in_(sorted(wanted)))
    found = {row.key: row._mapping for row in conn.execute(query)}
    missing = [row for key, row in wanted.items() if key not in found]
    if missing:
        insert_rows(conn, organizations, missing, ignore=True)  # another may have made it meanwhile: read again
        found = {row.key: row._mapping for row in conn.execute(query)}
    _refresh(conn, [row for key, row in wanted.items() if key in rules.by_key], found)
    return {
        key: Organization(row["id"], row["name"], wanted[key]["tier"], wanted[key]["value"])
        for key, row in found.items()
    }


def _row(key: str, name: str, rule: OrganizationRule | None) -> dict[str, Any]:
    return {
        "key": key,
        "name": storable.text(rule.name if rule is not None else name.strip(), _LONGEST),
        "domains": list(rule.domains) if rule is not None else [],
        "tier": storable.text(rule.tier, 60) if rule is not None else "",
        "value": rule.value if rule is not None else 0,
    }


def _refresh(conn: Connection, rows: Sequence[dict[str, Any]], found: Mapping[str, Mapping[Any, Any]]) -> None:
    """The policy file may have changed since; rows are touched in one order by everybody."""
    changed = [row for row in rows if any(found[row["key"]][name] != value for name, value in row.items())]
    update_rows(conn, organizations, changed, by=("key",))
