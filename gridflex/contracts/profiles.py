"""Reads ``tables/appliance_profiles.csv``: the detector's parameters by appliance class, each with its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from gridflex.contracts.table_lines import parse_lines
from gridflex.domain.duty_cycle import Profile, Profiles
from gridflex.errors import SchemaError

TABLE = "tables/appliance_profiles.csv"
_COLUMNS = ("appliance", "dataset", "on_w", "off_w", "min_on_s", "min_off_s", "max_w", "detect", "aggregate", "source")
_FLAGS = {"0": False, "1": True}


@cache
def load_profiles() -> Profiles:
    """The profiles of the table that ships with the package."""
    return parse_profiles((files("gridflex.contracts") / TABLE).read_text(encoding="utf-8"))


def sums_of_circuits() -> str:
    """The classes of circuits that are sums of others, for SQL's ``NOT IN (...)``: they are never added to the others.

    >>> sums_of_circuits()
    "'mains', 'subpanel', 'total_lights', 'total_outlets'"
    """
    return ", ".join(f"'{name}'" for name in load_profiles().aggregates)


def parse_profiles(text: str) -> Profiles:
    """Parse the table. Raises ``SchemaError`` naming the line and what is wrong with it."""
    profiles = parse_lines(TABLE, _COLUMNS, text, _profile)
    try:
        return Profiles.of(profiles)
    except ValueError as problem:
        raise SchemaError(f"{TABLE}: {problem}") from None


def _profile(line: dict[str, str]) -> Profile:
    if not line["source"]:
        raise ValueError(f"{line['appliance']}: a row must name its source")
    return Profile(
        appliance=line["appliance"],
        dataset=line["dataset"],
        on_w=float(line["on_w"]),
        off_w=float(line["off_w"]),
        min_on_s=float(line["min_on_s"]),
        min_off_s=float(line["min_off_s"]),
        max_w=float(line["max_w"]),
        detect=_FLAGS[line["detect"]],
        aggregate=_FLAGS[line["aggregate"]],
    )
