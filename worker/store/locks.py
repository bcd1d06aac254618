"""Locks by number, held until the transaction ends. SQLite needs none of them: its writers are one at a time anyway."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

_IN_ONE_ORDER = text(
    "SELECT CASE WHEN shared THEN pg_advisory_xact_lock_shared(:name, number)"
    " ELSE pg_advisory_xact_lock(:name, number) END"
    " FROM (SELECT * FROM unnest(CAST(:numbers AS int[]), CAST(:shared AS bool[])) AS given(number, shared)"
    " ORDER BY number) AS in_one_order"
)


def lock_name(conn: Connection, number: int, *, shared: bool = False) -> None:
    """Let one transaction at a time pass here, or all that say `shared`."""
    if conn.dialect.name != "sqlite":
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        conn.execute(text(f"SELECT {function}(:n)"), {"n": number})


def lock_each(conn: Connection, name: int, digests: Mapping[str, bool]) -> None:
    """The same for each of these under the name, those that map to True shared; in one order for all who come here.

    A digest is hexadecimal, of which eight digits count.
    """
    if conn.dialect.name == "sqlite" or not digests:
        return
    numbers: dict[int, bool] = {}
    for digest, is_shared in digests.items():
        number = int(digest[:8], 16) - 2**31
        numbers[number] = numbers.get(number, True) and is_shared
    conn.execute(_IN_ONE_ORDER, {"name": name, "numbers": list(numbers), "shared": list(numbers.values())})
