"""Which appliance class a data set's own label means: ``tables/appliance_labels.csv``, typos included as data."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from gridflex.errors import SchemaError

UNKNOWN = "unknown"
"""The class of a label that the table does not hold."""

TABLE = "appliance_labels.csv"
COLUMNS = ["dataset", "label", "appliance"]


def appliance_class(dataset: str, label: str) -> str:
    """The appliance class of ``label`` as ``dataset`` (``redd``, ``greend``) writes it, else ``UNKNOWN``.

    Case and runs of white space in the label do not matter.

    >>> appliance_class("redd", "dishwaser"), appliance_class("greend", "Water  Kettle"), appliance_class("redd", "?")
    ('dishwasher', 'kettle', 'unknown')
    """
    return appliance_labels().get((dataset, normalised(label)), UNKNOWN)


def normalised(label: str) -> str:
    """A label in the table's form: lower case, single spaces."""
    return " ".join(label.lower().split())


@cache
def appliance_labels() -> Mapping[tuple[str, str], str]:
    """The whole table: (data set, label) -> class. Raises ``SchemaError`` if it is not well formed."""
    text = resources.files("gridflex.contracts").joinpath("tables", TABLE).read_text(encoding="utf-8")
    return parse_labels(text)


def parse_labels(text: str) -> Mapping[tuple[str, str], str]:
    """Parse the table's CSV text: a header, then one label a line, each label once."""
    rows = csv.DictReader(text.splitlines())
    if rows.fieldnames != COLUMNS:
        raise SchemaError(f"{TABLE}: found columns {rows.fieldnames}, expected {COLUMNS}")
    labels: dict[tuple[str, str], str] = {}
    for line, row in enumerate(rows, start=2):
        key = (row["dataset"], normalised(row["label"]))
        if key in labels:
            raise SchemaError(f"{TABLE}:{line}: label {key} stands twice")
        labels[key] = row["appliance"]
    return MappingProxyType(labels)


def appliance_classes() -> frozenset[str]:
    """Every class that a label can be mapped to, and ``UNKNOWN``."""
    return frozenset(appliance_labels().values()) | {UNKNOWN}
