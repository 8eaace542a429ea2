"""Reads ``tables/flexibility_rules.csv``: what may be done with each appliance class, each row with its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from gridflex.contracts.table_lines import parse_lines
from gridflex.domain.flexibility import Handling, Rule, Rules
from gridflex.errors import SchemaError

TABLE = "tables/flexibility_rules.csv"
_COLUMNS = (
    *("appliance", "dataset", "handling", "max_off_min", "min_on_min", "rest_after_min", "silent_means_offline"),
    *("typical_on_w", "course", "circuits", "shared_error", "rebound_share", "source"),
)
_NUMBERS = ("max_off_min", "min_on_min", "rest_after_min", "typical_on_w", "shared_error", "rebound_share")
_FLAGS = {"": False, "0": False, "1": True}


@cache
def load_rules() -> Rules:
    """The flexibility rules of the table that ships with the package."""
    return parse_rules((files("gridflex.contracts") / TABLE).read_text(encoding="utf-8"))


def parse_rules(text: str) -> Rules:
    """Parse the table. Raises ``SchemaError`` naming the line and what is wrong with it."""
    rules = parse_lines(TABLE, _COLUMNS, text, _rule)
    try:
        return Rules.of(rules)
    except ValueError as problem:
        raise SchemaError(f"{TABLE}: {problem}") from None


def _rule(line: dict[str, str]) -> Rule:
    if not line["source"]:
        raise ValueError(f"{line['appliance']}: a row must name its source")
    return Rule(
        appliance=line["appliance"],
        dataset=line["dataset"],
        handling=Handling(line["handling"]),
        silent_means_offline=_FLAGS[line["silent_means_offline"]],
        course=tuple(_stretch(stretch) for stretch in line["course"].split()),
        circuits=int(line["circuits"] or 1),
        **{name: float(line[name] or 0) for name in _NUMBERS},
    )


def _stretch(text: str) -> tuple[float, float]:
    """``minutes:relative power``."""
    minutes, power = text.split(":")
    return float(minutes), float(power)
