"""Reads the user's table of enrolments: a CSV file with ``house_id,appliance_id,reachable,opted_out``.

A row with an ``appliance_id`` is about that appliance, one without it about all of its house; a ``house_id`` without
day shift (``redd-5``) stands for all virtual houses of that house: ``redd-5-0``, ``redd-5-1``. Ids are matched by their
parts, never by how they begin. ``reachable``, ``opted_out`` and, if there is such a column, ``enrolled`` are 0 or 1;
left empty they are 1, 0 and 1, as for everyone who has no row. A column ``until`` holds when an opt-out is over: ISO
8601, UTC unless it says otherwise; left empty it has no end.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from gridflex.config.places import ROOT
from gridflex.config.textfile import csv_rows
from gridflex.domain.enrolment import Enrolment, Participation, check_ids
from gridflex.errors import ConfigError, UsageError
from gridflex.instants import instant_ms, iso_instant

COLUMNS = ("house_id", "appliance_id", "reachable", "opted_out")
OPTIONAL_COLUMNS = ("enrolled", "until")
_DEFAULTS = {"reachable": "1", "opted_out": "0", "enrolled": "1"}
_FLAGS = {"0": False, "1": True}
_MOST_PROBLEMS = 20


def load_participation(path: str) -> Participation:
    """What the file of ``flexibility.participation`` says; an empty ``path``: everyone takes part.

    ``path``: relative to the checkout. Raises ``ConfigError`` naming the file, each bad line, and what is allowed.
    """
    if not path:
        return Participation()
    file = ROOT / path
    if not file.is_file():
        raise ConfigError(f"flexibility.participation: file not found: {file}")
    try:
        rows = read_enrolment_table(file)
    except ValueError as problem:
        raise ConfigError(f"flexibility.participation: {problem}") from None
    return Participation(initial=MappingProxyType({one.key: one for one in rows}))


def read_enrolment_table(path: Path, now_ms: int = 0) -> list[Enrolment]:
    """All rows of a table, each said at ``now_ms``, UTC epoch; an opt-out that is over by then is a bad row.

    Raises ``ValueError``, one line for each bad row: ``FILE:LINE: what was found; what is allowed``.
    """
    found: dict[str, Enrolment] = {}
    problems: list[str] = []
    for line, row in csv_rows(path, COLUMNS, OPTIONAL_COLUMNS):
        try:
            one = _enrolment(row, now_ms, f"file:{path.name}")
            if one.key in found:
                raise ValueError(f"{one.key} has two rows; allowed: one")
            found[one.key] = one
        except (ValueError, UsageError) as problem:
            problems.append(f"{path}:{line}: {problem}")
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        told = [*problems[:_MOST_PROBLEMS], *([f"... and {more:,} more bad rows"] if more > 0 else [])]
        raise ValueError("\n".join(told))
    return list(found.values())


def _enrolment(row: dict[str, str], now_ms: int, source: str) -> Enrolment:
    check_ids(row["house_id"], row["appliance_id"])
    flags = {name: row.get(name) or default for name, default in _DEFAULTS.items()}
    for name, found in flags.items():
        if found not in _FLAGS:
            raise ValueError(f"{name}: found {found!r}; allowed: 0, 1 or nothing")
    until, until_ms = row.get("until", ""), 0
    if until:
        until_ms = instant_ms("until", until)
        if flags["opted_out"] == "0":
            raise ValueError(f"until: found {until!r} without an opt-out; allowed: with opted_out 1 alone")
        if until_ms <= now_ms:
            raise ValueError(f"until: found {until!r}; allowed: an instant after {iso_instant(now_ms)}")
    return Enrolment(
        house_id=row["house_id"],
        appliance_id=row["appliance_id"],
        enrolled=_FLAGS[flags["enrolled"]],
        reachable=_FLAGS[flags["reachable"]],
        opted_out=_FLAGS[flags["opted_out"]],
        until_ms=until_ms,
        event_time_ms=now_ms,
        source=source,
    )
