"""Regions and feeders as names of OpenADR targets, which hold letters, digits, ``_`` and ``-`` alone.

::

    region__Sfax                    all of a region
    feeder__Sfax__Sfax-F01          one feeder of it
    region__Le_20-Kef               any other sign is written as _ and its number in hexadecimal digits and -

No two places have the same name, and a name that no place has is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gridflex.errors import DispatchError, ForeignEventError

LONGEST = 128
"""Signs of a target's name."""
_KINDS = ("region", "feeder")
_KEPT = re.compile(r"[A-Za-z0-9-]")
_ESCAPED = re.compile(r"_([0-9a-f]{1,6})-")
_PART = r"(?:[A-Za-z0-9-]|_[0-9a-f]{1,6}-)+"
_NAME = re.compile(rf"(region)__({_PART})|(feeder)__({_PART})__({_PART})")
_LAST_SIGN = 0x10FFFF


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A region, or one feeder of it."""

    region: str
    feeder: str = ""
    """Empty: all feeders."""

    def __str__(self) -> str:
        return f"{self.region}/{self.feeder}" if self.feeder else self.region


def target_of(place: Place) -> str:
    """The target that addresses a place. Raises ``DispatchError`` when its name is too long for one.

    >>> target_of(Place("Le Kef")), target_of(Place("Sfax", "Sfax-F01"))
    ('region__Le_20-Kef', 'feeder__Sfax__Sfax-F01')
    """
    parts = ("feeder", place.region, place.feeder) if place.feeder else ("region", place.region)
    name = "__".join((parts[0], *map(_escaped, parts[1:])))
    if len(name) > LONGEST or not place.region:
        raise DispatchError(f"{str(place)!r} cannot be a target: found {len(name)} signs; allowed: 1 to {LONGEST}")
    return name


def place_of(target: str) -> Place:
    """The place that a target addresses. Raises ``ForeignEventError`` when it is none of ours.

    >>> place_of("feeder__Le_20-Kef__F1")
    Place(region='Le Kef', feeder='F1')
    """
    found = _NAME.fullmatch(target)
    if found:
        region, feeder = (found[2], "") if found[1] else (found[4], found[5])
        try:
            place = Place(_plain(region), _plain(feeder))
        except ValueError:
            place = Place("")
        if place.region and target_of(place) == target:
            return place
    raise ForeignEventError(
        f"unknown target {target[:LONGEST]!r}; allowed: region__REGION, feeder__REGION__FEEDER, or a name that the "
        "configuration gives a place"
    )


def _escaped(name: str) -> str:
    return "".join(sign if _KEPT.match(sign) else f"_{ord(sign):x}-" for sign in name)


def _plain(escaped: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), escaped)
