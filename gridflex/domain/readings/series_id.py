"""Makes and parses the ids of virtual houses and of their series.

::

    uk-dale-5-0-3
    |-----| | | |
    dataset | | channel, without a hyphen
        house shift
    |---------|      id of the virtual house
    |-------|        id of the house: all of its virtual houses
    |-----------|    id of the series, which is its appliance's
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DIGITS = 18
"""Of a shift: as many as always fit into a long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseId:
    """A virtual house: a data set's house in one of its day shifts. ``str`` gives its id.

    >>> house = HouseId(dataset="redd", house="5", shift=1)
    >>> str(house), house.of_all_shifts, str(house.series("3"))
    ('redd-5-1', 'redd-5', 'redd-5-1-3')
    """

    dataset: str
    house: str
    """The data set's own name of it; it may hold hyphens, as the data set's name may."""
    shift: int = 0

    def __post_init__(self) -> None:
        if not self.dataset or not self.house or self.shift < 0:
            raise ValueError(f"found {self!r}; allowed: a data set's name, a house, and a shift of 0 or more")

    def __str__(self) -> str:
        return f"{self.of_all_shifts}-{self.shift}"

    @property
    def of_all_shifts(self) -> str:
        """The id that stands for all virtual houses of the data set's house."""
        return f"{self.dataset}-{self.house}"

    def series(self, channel: str) -> SeriesId:
        """One of its series."""
        return SeriesId(house=self, channel=channel)

    @classmethod
    def parse(cls, text: str, dataset: str = "") -> HouseId | None:
        """The parts of an id; None: it is no virtual house's.

        ``dataset``: the house's data set; where it is not given, the text before the first hyphen is taken for it.

        >>> HouseId.parse("redd-5-1"), HouseId.parse("lcl-MAC000002"), HouseId.parse("uk-dale-2", "uk-dale")
        (HouseId(dataset='redd', house='5', shift=1), None, None)
        >>> HouseId.parse("uk-dale-2-0", "uk-dale")
        HouseId(dataset='uk-dale', house='2', shift=0)
        """
        before, _, shift = text.rpartition("-")
        if not (shift.isascii() and shift.isdecimal() and len(shift) <= _MOST_DIGITS):
            return None
        name = dataset or before.partition("-")[0]
        house = before.removeprefix(f"{name}-")
        if not name or not house or house == before:
            return None
        return cls(dataset=name, house=house, shift=int(shift))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesId:
    """One series of readings: a channel of a virtual house. ``str`` gives its id, which is its appliance's.

    >>> str(SeriesId(house=HouseId(dataset="greend", house="0"), channel="2"))
    'greend-0-0-2'
    """

    house: HouseId
    channel: str

    def __post_init__(self) -> None:
        if not self.channel or "-" in self.channel:
            raise ValueError(f"found the channel {self.channel!r}; allowed: a name without a hyphen")

    def __str__(self) -> str:
        return f"{self.house}-{self.channel}"

    @classmethod
    def parse(cls, text: str, dataset: str = "") -> SeriesId | None:
        """The parts of an id; None: it is no series of a virtual house. ``dataset``: as for ``HouseId.parse``.

        >>> SeriesId.parse("redd-5-0-3") == HouseId(dataset="redd", house="5").series("3"), SeriesId.parse("redd-5")
        (True, None)
        """
        before, _, channel = text.rpartition("-")
        house = HouseId.parse(before, dataset) if channel else None
        return cls(house=house, channel=channel) if house else None
