"""The few statements that the two databases spell in their own way, and rows as value classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = TypeVar("Row")


def values_of(row: Any) -> dict[str, Any]:
    """The columns of a row; nested values stay as they are."""
    return {item.name: getattr(row, item.name) for item in fields(row)}


def one(connection: Connection, statement: Executable, kind: type[Row]) -> Row | None:
    """The first row that a query finds, or None."""
    found = connection.execute(statement).mappings().first()
    return None if found is None else kind(**found)


def every(connection: Connection, statement: Executable, kind: type[Row]) -> list[Row]:
    """All rows that a query finds."""
    return [kind(**found) for found in connection.execute(statement).mappings()]


def insert_unless_there(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Inserts a row unless a unique index has something against it.

    The index decides, also between processes, and the transaction stays usable either way.
    """
    key = next(iter(table.primary_key))
    statement = _insert(connection)(table).values(row).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, or replaces those that have the same primary key; all in one statement."""
    if not rows:
        return
    statement = _insert(connection)(table).values(list(rows))
    keys = [column.name for column in table.primary_key]
    new = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new))


def _insert(connection: Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
