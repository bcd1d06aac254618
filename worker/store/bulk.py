"""Many rows in one statement, on both databases.

PostgreSQL takes one array per column (`unnest`), so that the statement is the same for one row and for a thousand and
is prepared once; SQLite, which has no round trips to save, takes the rows one after the other inside the driver.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    FromClause,
    Select,
    Table,
    any_,
    bindparam,
    column,
    func,
    insert,
    literal,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.selectable import TableValuedAlias

Rows = Sequence[Mapping[str, Any]]
SQLITE_MOST = 200  # rows per statement that returns something; more would meet the limit on parameters


def insert_rows(
    conn: Connection, table: Table, rows: Rows, *, returning: tuple[str, ...] = (), ignore: bool = False
) -> list[Row[*tuple[Any, ...]]]:
    """Insert in the given order; `ignore` leaves out rows that any unique rule refuses. Rows have equal keys.

    Returns `returning` of each row really inserted, in no promised order.
    """
    if not rows:
        return []
    names = tuple(rows[0])
    if conn.dialect.name == "postgresql":
        statement = _postgres_insert(table, names, returning, ignore)
        result = conn.execute(statement, {f"v_{name}": [row[name] for row in rows] for name in names})
        return list(result) if returning else []
    if not returning:
        conn.execute(_sqlite_insert(table, (), ignore), list(rows))
        return []
    found: list[Row[*tuple[Any, ...]]] = []
    for start in range(0, len(rows), SQLITE_MOST):
        found += conn.execute(_sqlite_insert(table, returning, ignore), list(rows[start : start + SQLITE_MOST]))
    return found


def update_rows(
    conn: Connection,
    table: Table,
    rows: Rows,
    *,
    by: tuple[str, ...] = ("id",),
    where: ColumnElement[bool] | None = None,
) -> int:
    """Update each row found by the columns `by`, where the constant `where` holds; returns how many were."""
    if not rows:
        return 0
    names = tuple(rows[0])
    if conn.dialect.name == "postgresql":
        statement = _postgres_update(table, names, by, where)
        values: Any = {f"v_{name}": [row[name] for row in rows] for name in names}
        return conn.execute(statement, values).rowcount
    statement = _sqlite_update(table, names, by, where)
    return conn.execute(statement, [{f"v_{name}": value for name, value in row.items()} for row in rows]).rowcount


def given_rows(conn: Connection, table: Table, names: tuple[str, ...]) -> FromClause:
    """Rows to select from, with some columns of `table`; execute with `given_values`. For whole numbers and texts."""
    if conn.dialect.name == "postgresql":
        return _arrays(table, names)
    each = func.json_each(bindparam("given")).table_valued("value", name="each")
    columns = [
        type_coerce(func.json_extract(each.c.value, f"$.{name}"), table.c[name].type).label(name) for name in names
    ]
    return select(*columns).subquery("given")


def given_values(conn: Connection, rows: Rows) -> dict[str, Any]:
    """The parameters of a statement over `given_rows`; rows have equal keys."""
    if conn.dialect.name == "postgresql":
        return {f"v_{name}": [row[name] for row in rows] for name in rows[0]}
    return {"given": json.dumps([dict(row) for row in rows])}


def one_of(conn: Connection, of: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`of` is one of these. On PostgreSQL they are one parameter, however many: the statement is prepared once.

    For connections that are opened `by_key`: a plan made while a table was small would else read all of it later.
    """
    if conn.dialect.name == "postgresql":
        return of == any_(literal(list(values), ARRAY(of.type, dimensions=1)))
    return of.in_(values)


def among(conn: Connection, of: Column[int], query: Select[int]) -> ColumnElement[bool]:
    """`of` is one of the few ids that `query` chooses and locks.

    As an array on PostgreSQL: the choice is made once, and the rows are then found by their key. A join, which it would
    plan for `IN`, reads the whole table as soon as its statistics are behind.
    """
    if conn.dialect.name == "postgresql":
        return of == any_(func.array(query.scalar_subquery()))
    return of.in_(query)


def by_keys(conn: Connection, table: Table, names: tuple[str, ...], keys: Collection[tuple[str, ...]]) -> FromClause:
    """The rows of `table` whose columns `names`, which an index begins with, are one of these keys (at least one).

    On SQLite also rows with parts of several keys: whoever asks picks by the whole key. On PostgreSQL each key is
    looked up by itself (`OFFSET 0` keeps it so): while its statistics are behind, lists make it walk through all rows
    that share the first column, or through the whole table. Each list is one parameter: of a statement for every
    number of keys, SQLAlchemy would keep hundreds.
    """
    columns, lists = [table.c[name] for name in names], list(zip(*sorted(keys), strict=True))
    if conn.dialect.name != "postgresql":
        listed = [one.in_(sorted(set(values))) for one, values in zip(columns, lists, strict=True)]
        return select(table).where(*listed).subquery("found")
    shape = [column(one.name, one.type) for one in columns]
    arrays = [literal(list(each), ARRAY(one.type, dimensions=1)) for one, each in zip(shape, lists, strict=True)]
    given = func.unnest(*arrays).table_valued(*shape, name="given").render_derived()
    each = select(table).where(*[one == given.c[one.name] for one in columns]).offset(0).lateral("each")
    return select(each).select_from(given.join(each, true())).subquery("found")


@cache
def _postgres_insert(table: Table, names: tuple[str, ...], returning: tuple[str, ...], ignore: bool) -> Insert:
    source = _arrays(table, names)
    statement = postgres_insert(table).from_select(
        list(names), select(*[source.c[name] for name in names]), include_defaults=False
    )
    if ignore:
        statement = statement.on_conflict_do_nothing()
    return statement.returning(*_columns(table, returning)) if returning else statement


@cache
def _sqlite_insert(table: Table, returning: tuple[str, ...], ignore: bool) -> Insert:
    statement = sqlite_insert(table).on_conflict_do_nothing() if ignore else insert(table)
    return statement.returning(*_columns(table, returning)) if returning else statement


@cache
def _postgres_update(
    table: Table, names: tuple[str, ...], by: tuple[str, ...], where: ColumnElement[bool] | None
) -> Update:
    source = _arrays(table, names)
    statement = update(table).values({name: source.c[name] for name in names if name not in by})
    statement = statement.where(*[table.c[name] == source.c[name] for name in by])
    return statement if where is None else statement.where(where)


@cache
def _sqlite_update(
    table: Table, names: tuple[str, ...], by: tuple[str, ...], where: ColumnElement[bool] | None
) -> Update:
    given = {name: bindparam(f"v_{name}", type_=table.c[name].type) for name in names}
    statement = update(table).values({name: given[name] for name in names if name not in by})
    statement = statement.where(*[table.c[name] == given[name] for name in by])
    return statement if where is None else statement.where(where)


def _arrays(table: Table, names: tuple[str, ...]) -> TableValuedAlias:
    """`unnest(:v_a::type[], …) AS given(a, …)`; one dimension, because a JSON value may itself be a list."""
    arrays = [bindparam(f"v_{name}", type_=ARRAY(table.c[name].type, dimensions=1)) for name in names]
    shape = [column(name, table.c[name].type) for name in names]
    return func.unnest(*arrays).table_valued(*shape, name="given").render_derived()


def _columns(table: Table, names: tuple[str, ...]) -> list[Column[Any]]:
    return [table.c[name] for name in names]
