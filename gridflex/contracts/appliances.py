"""Maps a data set's own label to an appliance class by ``tables/appliance_labels.csv``, which contains known typos."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from gridflex.errors import SchemaError

UNKNOWN = "unknown"
"""The class of a label that the table does not hold."""

ANY = ""
"""In the table: every data set that has no line of its own for the label."""
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_NUMBER = re.compile(r"[(#]*\d+\)?$")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_SLASH = re.compile(r"\s*/\s*")
_PLACES = frozenset(
    (
        *(
            "attic",
            "basement",
            "bathroom",
            "bedroom",
            "cellar",
            "children's",
            "dining",
            "downstairs",
            "garage",
            "guest",
        ),
        *("hall", "hallway", "kids", "kitchen", "laundry", "living", "livingroom", "loft", "lounge", "main", "master"),
        *("new", "office", "old", "pantry", "room", "scullery", "study", "upstairs", "utility"),
    )
)
"""Words that say where an appliance stands, not what it is. A word for its use ("fish tank heater") is kept: the class
decides what may be switched off.
"""

TABLE = "appliance_labels.csv"
COLUMNS = ["dataset", "label", "appliance"]


def appliance_class(dataset: str, label: str) -> str:
    """The appliance class of ``label`` as ``dataset`` (``redd``, ``greend``) writes it, else ``UNKNOWN``.

    Case, white space, hyphens, underscores and a number at the end do not matter; nor do a remark in brackets and the
    room, if the table does not hold the whole label. A label that is not the data set's own has the class that any data
    set gives it: other public sets come in REDD's layout, too.

    >>> appliance_class("redd", "dishwaser"), appliance_class("greend", "Water  Kettle"), appliance_class("redd", "?")
    ('dishwasher', 'kettle', 'unknown')
    >>> appliance_class("redd", "aggregate"), appliance_class("redd", "Fridge-Freezer (2)")
    ('mains', 'fridge')
    >>> appliance_class("redd", "Freezer (Garage)"), appliance_class("redd", "fish tank heater")
    ('freezer', 'unknown')
    """
    table = appliance_labels()
    for name in _readings_of(normalised(label)):
        for owner in (dataset, ANY):
            if (owner, name) in table:
                return table[owner, name]
    return UNKNOWN


def _readings_of(label: str) -> Iterator[str]:
    """The label as it stands, then with less and less of what does not say what the appliance is."""
    yield label
    bare = normalised(_NUMBER.sub("", label))
    yield bare
    bare = normalised(_NUMBER.sub("", normalised(_SLASH.sub(" ", _IN_BRACKETS.sub(" ", bare)))))
    yield bare
    words = bare.split()
    while len(words) > 1 and words[0] in _PLACES:
        words = words[1:]
        yield " ".join(words)


def normalised(label: str) -> str:
    """A label in the table's form: lower case, words parted by single spaces."""
    return " ".join(_BETWEEN_WORDS.split(label.lower())).strip()


@cache
def appliance_labels() -> Mapping[tuple[str, str], str]:
    """The whole table: (data set or ``ANY``, label) -> class. Raises ``SchemaError`` if it is not well formed."""
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
