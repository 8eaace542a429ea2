"""The door to Druid: all SQL of Superset passes it last, charts', SQL Lab's and its own questions of tables.

A module as SQLAlchemy wants it of a database's driver: pydruid's, with a look at each statement before it is sent.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pydruid.db
from flask import g, has_app_context
from pydruid.db.api import Connection, Cursor

from guards.scans import scan_problem
from guards.sight import region_roles, sees_all

_CONTRACTS = Path(__file__).parents[3] / "gridflex" / "contracts"


def load_regions(contracts: Path) -> dict[str, bool]:
    """Of each data source, whether its rows belong to regions: feeds' from the registry, batch jobs' from a table.

    Read from the files, since Superset's environment does not have the package.
    """
    feeds = json.loads((contracts / "feeds.json").read_text(encoding="utf-8"))
    streamed = {row["data_source"]: not row.get("why_every_region") for row in feeds if row.get("data_source")}
    with (contracts / "tables" / "data_sources.csv").open(encoding="utf-8", newline="") as table:
        return streamed | {row["source"]: row["by_region"] == "1" for row in csv.DictReader(table)}


SOURCES = load_regions(_CONTRACTS)


def refuse_foreign_regions(sql: str) -> None:
    """Let through what the person of this request may read. Raises pydruid's ``ProgrammingError`` that says why not."""
    user = getattr(g, "user", None) if has_app_context() else None
    roles = frozenset(role.name for role in getattr(user, "roles", ()))
    if sees_all(roles):
        return
    if found := scan_problem(sql, region_roles(roles), SOURCES):
        raise pydruid.db.exceptions.ProgrammingError(f"refused: {found}")


class GuardedCursor(Cursor):  # type: ignore[misc]
    """A cursor that sends nothing unseen."""

    def _stream_query(self, query: str) -> Any:
        refuse_foreign_regions(query)
        return super()._stream_query(query)


class GuardedConnection(Connection):  # type: ignore[misc]
    """A connection with such cursors."""

    def cursor(self) -> Cursor:
        """Return one of them."""
        made = super().cursor()
        made.__class__ = GuardedCursor
        return made


class Driver:
    """``pydruid.db`` with guarded connections."""

    @staticmethod
    def connect(*arguments: Any, **named: Any) -> GuardedConnection:
        """Connect as ``pydruid.db.connect`` does."""
        return GuardedConnection(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(pydruid.db, name)


DRIVER = Driver()
