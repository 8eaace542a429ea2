"""Wraps the database driver pydruid and checks each SQL statement of Superset before it is sent to Druid.

Statements of charts, of SQL Lab and of Superset itself all pass it, whatever other checks they have passed before.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pydruid.db
from flask import g, has_app_context
from pydruid.db.api import Connection, Cursor

from guards.region_filters import scan_problem
from guards.role_rights import region_roles, sees_all

_CONTRACTS = Path(__file__).parents[3] / "gridflex" / "contracts"


def load_regions(contracts: Path) -> dict[str, bool]:
    """Whether the rows of each data source belong to regions: feeds' from the registry, batch jobs' from a table.

    Read from the files, since Superset's environment does not have the package.
    """
    feeds = json.loads((contracts / "feeds.json").read_text(encoding="utf-8"))
    streamed = {row["data_source"]: not row.get("why_every_region") for row in feeds if row.get("data_source")}
    with (contracts / "tables" / "data_sources.csv").open(encoding="utf-8", newline="") as table:
        return streamed | {row["source"]: row["by_region"] == "1" for row in csv.DictReader(table)}


SOURCES = load_regions(_CONTRACTS)


def refuse_foreign_regions(sql: str) -> None:
    """Raises pydruid's ``ProgrammingError`` with the reason if the user of this request may not run the statement."""
    user = getattr(g, "user", None) if has_app_context() else None
    roles = frozenset(role.name for role in getattr(user, "roles", ()))
    if sees_all(roles):
        return
    if found := scan_problem(sql, region_roles(roles), SOURCES):
        raise pydruid.db.exceptions.ProgrammingError(f"refused: {found}")


class GuardedCursor(Cursor):  # type: ignore[misc]
    """A cursor that checks each statement before it sends it."""

    def _stream_query(self, query: str) -> Any:
        refuse_foreign_regions(query)
        return super()._stream_query(query)


class GuardedConnection(Connection):  # type: ignore[misc]
    """A connection whose cursors are guarded."""

    def cursor(self) -> Cursor:
        """Open a guarded cursor."""
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
