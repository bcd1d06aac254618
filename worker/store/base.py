"""What every table is made with: one metadata, one kind of id, one way to say `only these rows`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, text

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite autoincrements only INTEGER PRIMARY KEY


def only(condition: str) -> dict[str, Any]:
    """The arguments of a partial index, on both databases."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}
