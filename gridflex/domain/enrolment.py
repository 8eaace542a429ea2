"""Which appliances may be called on: those within reach whose household has not opted out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gridflex.domain.readings import HouseId


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What is known of an appliance, or of all appliances of a house."""

    reachable: bool = True
    """A command would get there."""
    opted_out: bool = False
    """The household does not take part."""

    @property
    def callable(self) -> bool:
        """Whether it may be called on, and can be."""
        return self.reachable and not self.opted_out


@dataclass(frozen=True, slots=True)
class Participation:
    """Consents by appliance and by house; who has no row is reachable and takes part.

    >>> out = Consent(opted_out=True)
    >>> some = Participation(MappingProxyType({"redd-5": out, "redd-5-1": Consent(), "redd-5-1-3": out}))
    >>> [some.callable(house, appliance) for house, appliance in
    ...  [("redd-5-0", "redd-5-0-3"), ("redd-5-1", "redd-5-1-3"), ("redd-5-1", "redd-5-1-4"), ("redd-6-0", "x")]]
    [False, False, True, True]
    """

    consents: Mapping[str, Consent] = field(default_factory=lambda: MappingProxyType({}))
    """By appliance id, by house id, or by house id without its day shift: all virtual houses of one."""

    def callable(self, house_id: str, appliance_id: str, dataset: str = "") -> bool:
        """Whether an appliance may be called on: by its own row, else that of its house.

        ``dataset``: that of the house. With it a data set's name that holds a hyphen is not taken for a house.
        """
        if not self.consents:
            return True
        for name in (appliance_id, house_id, without_shift(house_id, dataset)):
            if name in self.consents:
                return self.consents[name].callable
        return True

    def __reduce__(self) -> tuple[object, ...]:
        """Executors get a copy; a read-only view cannot be pickled."""
        return _participation, (dict(self.consents),)


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


def _participation(consents: dict[str, Consent]) -> Participation:
    return Participation(MappingProxyType(consents))
