"""Decides which appliances may be called: those enrolled and within reach whose household has not opted out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from gridflex.domain.readings import HouseId, SeriesId

_LONGEST_ID = 200
_LATEST_MS = 253_402_300_799_999
"""The end of the year 9999."""
_HOUSE_FORM = "DATASET-HOUSE or DATASET-HOUSE-SHIFT, such as redd-5 or redd-5-0"
_APPLIANCE_FORM = "DATASET-HOUSE-SHIFT-CHANNEL, such as redd-5-0-3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What is known of one appliance, or of all appliances of a house.

    >>> out = Enrolment(house_id="redd-5", opted_out=True, until_ms=2_000)
    >>> [out.dispatchable_at(at_ms) for at_ms in (0, 1_999, 2_000)]
    [False, False, True]
    """

    house_id: str = ""
    """A virtual house, or without day shift all virtual houses of one; may be empty if the appliance is named."""
    appliance_id: str = ""
    """Empty: all appliances of the house."""
    enrolled: bool = True
    """It belongs to a program."""
    reachable: bool = True
    """A command would get there."""
    opted_out: bool = False
    """The household does not want to be called."""
    until_ms: int = 0
    """From this instant on the opt-out no longer counts, UTC epoch; 0: it has no end."""
    event_time_ms: int = 0
    """When this was said, UTC epoch; 0: unknown."""
    source: str = ""
    """Who said it."""

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("found neither a house_id nor an appliance_id; allowed: one of them, or both")
        for name, instant_ms in (("until_ms", self.until_ms), ("event_time_ms", self.event_time_ms)):
            if not 0 <= instant_ms <= _LATEST_MS:
                raise ValueError(f"{name}: found {instant_ms}; allowed: 0 to {_LATEST_MS}")

    @property
    def key(self) -> str:
        """Whom it is about; what is said later of the same one replaces it."""
        return self.appliance_id or self.house_id

    def opted_out_at(self, at_ms: int) -> bool:
        """Whether the opt-out counts at an instant, UTC epoch."""
        return self.opted_out and (self.until_ms == 0 or at_ms < self.until_ms)

    def dispatchable_at(self, at_ms: int) -> bool:
        """Whether it may be called on at an instant, UTC epoch, and can be."""
        return self.enrolled and self.reachable and not self.opted_out_at(at_ms)


Changes = Iterable[tuple[str, Enrolment | None]]
"""By key, in their order; ``None``: nothing is known any more."""
_NOBODY: Mapping[str, Enrolment] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Participation:
    """Enrolments by key; who has none is enrolled, reachable and not opted out.

    >>> out, back = Enrolment(house_id="redd-5", opted_out=True), Enrolment(house_id="redd-5-1")
    >>> fridge = Enrolment(appliance_id="redd-5-1-3", reachable=False)
    >>> some = Participation().after((one.key, one) for one in (out, back, fridge))
    >>> [some.callable(house, appliance, at_ms=0) for house, appliance in
    ...  [("redd-5-0", "redd-5-0-3"), ("redd-5-1", "redd-5-1-3"), ("redd-5-1", "redd-5-1-4"), ("redd-6-0", "x")]]
    [False, False, True, True]
    """

    rows: Mapping[str, Enrolment] = field(default_factory=lambda: _NOBODY)
    """By appliance id, by house id, or by house id without its day shift: all virtual houses of one."""
    initial: Mapping[str, Enrolment] = field(default_factory=lambda: _NOBODY)
    """The same, to start with: asked only where no row says anything."""

    def __bool__(self) -> bool:
        """Whether anything is known of anybody."""
        return bool(self.rows or self.initial)

    def callable(self, house_id: str, appliance_id: str, dataset: str = "", *, at_ms: int) -> bool:
        """Whether an appliance may be called on at an instant, UTC epoch: by its own enrolment, else its house's.

        An opt-out that is over decides nothing: then the house's enrolment does.
        ``dataset``: that of the house. With it a data set's name that holds a hyphen is not taken for a house.
        """
        return callable_at(self.about(house_id, appliance_id, dataset), at_ms)

    def has_left(self, house_id: str, appliance_id: str, dataset: str = "", *, at_ms: int) -> bool:
        """Whether an appliance is opted out at an instant, UTC epoch, or no longer enrolled, which ends its share.

        To be out of reach is not to leave.

        >>> out = Enrolment(house_id="redd-5", opted_out=True)
        >>> some = Participation().after([(out.key, out), ("redd-6", Enrolment(house_id="redd-6", reachable=False))])
        >>> [some.has_left(f"{house}-0", f"{house}-0-3", at_ms=0) for house in ("redd-5", "redd-6", "redd-7")]
        [True, False, False]
        """
        for one in self.about(house_id, appliance_id, dataset):
            if not one.enrolled or one.opted_out_at(at_ms):
                return True
            if not one.opted_out:
                return False
        return False

    def about(self, house_id: str, appliance_id: str, dataset: str = "") -> Iterator[Enrolment]:
        """What is said of an appliance, what is closest to it first."""
        return self.said_of(names_of(house_id, appliance_id, dataset)) if self else iter(())

    def said_of(self, names: Sequence[str]) -> Iterator[Enrolment]:
        """The same. ``names``: see ``names_of``."""
        for known in (self.rows, self.initial):
            if known:
                yield from (known[name] for name in names if name in known)

    def after(self, changes: Changes) -> Participation:
        """With these changes; the last one of each key counts."""
        rows = dict(self.rows)
        for key, one in changes:
            if one is None:
                rows.pop(key, None)
            else:
                rows[key] = one
        return Participation(MappingProxyType(rows), self.initial)

    def __reduce__(self) -> tuple[object, ...]:
        """A read-only view cannot be pickled."""
        return _participation, (dict(self.rows), dict(self.initial))


def callable_at(about: Iterable[Enrolment], at_ms: int) -> bool:
    """Whether an appliance may be called on at an instant, UTC epoch. ``about``: see ``Participation.about``.

    >>> house = Enrolment(house_id="redd-5", opted_out=True)
    >>> callable_at([Enrolment(appliance_id="redd-5-0-3", opted_out=True, until_ms=9), house], 9)
    False
    """
    for one in about:
        if not one.dispatchable_at(at_ms):
            return False
        if not one.opted_out:
            return True
    return True


def names_of(house_id: str, appliance_id: str, dataset: str = "") -> tuple[str, ...]:
    """Keys of enrolments that are about an appliance, the closest one first. ``dataset``: that of the house.

    >>> names_of("redd-5-0", "redd-5-0-3"), names_of("lcl-MAC000002", "")
    (('redd-5-0-3', 'redd-5-0', 'redd-5'), ('lcl-MAC000002',))
    """
    return tuple(name for name in dict.fromkeys((appliance_id, house_id, without_shift(house_id, dataset))) if name)


def without_shift(house_id: str, dataset: str = "") -> str:
    """``<dataset>-<house>`` of a house id ``<dataset>-<house>-<shift>``; any other id as it is.

    ``dataset``: the house's data set; where it is not given, any text before a hyphen may be one.

    >>> [without_shift(house) for house in ("redd-5-0", "lcl-MAC000002", "lcl-MAC000002-12", "lcl-2", "redd-5-x")]
    ['redd-5', 'lcl-MAC000002', 'lcl-MAC000002', 'lcl-2', 'redd-5-x']
    >>> without_shift("uk-dale-2", "uk-dale"), without_shift("uk-dale-2-0", "uk-dale")
    ('uk-dale-2', 'uk-dale-2')
    """
    house = HouseId.parse(house_id, dataset)
    return house.of_all_shifts if house else house_id


def check_ids(house_id: str, appliance_id: str = "") -> None:
    """Raises ``ValueError`` that says what was found and what is allowed, if nobody can have these ids.

    >>> check_ids("redd-5"), check_ids("redd-5-0", "redd-5-0-3"), check_ids("redd-5", "redd-5-0-3")
    (None, None, None)
    >>> check_ids("lcl")
    Traceback (most recent call last):
    ValueError: found the house 'lcl'; allowed: DATASET-HOUSE or DATASET-HOUSE-SHIFT, such as redd-5 or redd-5-0
    """
    if not house_id and not appliance_id:
        raise ValueError("found neither a house_id nor an appliance_id; allowed: one of them, or both")
    if house_id and not (_is_id(house_id) and all(house_id.partition("-"))):
        raise ValueError(f"found the house {house_id[:_LONGEST_ID]!r}; allowed: {_HOUSE_FORM}")
    if not appliance_id:
        return
    series = SeriesId.parse(appliance_id) if _is_id(appliance_id) else None
    if series is None:
        raise ValueError(f"found the appliance {appliance_id[:_LONGEST_ID]!r}; allowed: {_APPLIANCE_FORM}")
    if house_id and house_id not in {str(series.house), series.house.of_all_shifts}:
        raise ValueError(f"found the appliance {appliance_id!r}, which is not of house {house_id!r}")


def _is_id(text: str) -> bool:
    return len(text) <= _LONGEST_ID and text.isprintable() and not any(character in " ,|" for character in text)


def _participation(rows: dict[str, Enrolment], initial: dict[str, Enrolment]) -> Participation:
    return Participation(MappingProxyType(rows), MappingProxyType(initial))
