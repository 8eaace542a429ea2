"""Reads ``tables/programs.csv``: what each program allows, each row with its source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from gridflex.contracts.table_lines import parse_lines
from gridflex.domain.curtailment import Program
from gridflex.domain.flexibility import Handling
from gridflex.errors import SchemaError

TABLE = "tables/programs.csv"
_COLUMNS = (
    *("program", "appliances", "handling", "events_per_week", "event_h", "season_h", "season_months", "rest_h"),
    *("notice_min", "hours", "weekdays", "feeder_share", "rebound_cap", "source"),
)
_NUMBERS = ("event_h", "season_h", "rest_h", "notice_min", "feeder_share", "rebound_cap")


@cache
def load_programs() -> Mapping[str, Program]:
    """The programs of the table that ships with the package, by name, in its order."""
    return parse_programs((files("gridflex.contracts") / TABLE).read_text(encoding="utf-8"))


def parse_programs(text: str) -> Mapping[str, Program]:
    """Parse the table. Raises ``SchemaError`` naming the line and what is wrong with it."""
    programs = parse_lines(TABLE, _COLUMNS, text, _program)
    by_name = {program.name: program for program in programs}
    if len(by_name) < len(programs):
        raise SchemaError(f"{TABLE}: found {', '.join(one.name for one in programs)}; allowed: each name once")
    return MappingProxyType(by_name)


def _program(line: dict[str, str]) -> Program:
    if not line["program"] or not line["source"]:
        raise ValueError(f"{line['program']!r}: a row must have a name and name its source")
    first_month, last_month = map(int, line["season_months"].split("-"))
    first_hour, last_hour = map(float, line["hours"].split("-"))
    first_day, last_day = map(int, line["weekdays"].split("-"))
    return Program(
        name=line["program"],
        appliances=frozenset(line["appliances"].split()),
        handling=frozenset(map(Handling, line["handling"].split())),
        events_per_week=int(line["events_per_week"]),
        season_months=(first_month, last_month),
        hours=(first_hour, last_hour),
        weekdays=frozenset(range(first_day, last_day + 1)),
        **{name: float(line[name]) for name in _NUMBERS},
    )
