"""Describes each appliance that a replay plays, as columns by series: its place, and its class's physics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridflex.contracts.flexibility import load_rules
from gridflex.contracts.profiles import load_profiles
from gridflex.domain.curtailment import cohort_of
from gridflex.domain.flexibility import Handling, Rule
from gridflex.domain.readings import Flags, Floats, Ints

_MAINS = "mains"
_S_PER_MIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliance:
    """One series of readings, with the names that its messages contain."""

    dataset: str
    region: str
    feeder: str
    house_id: str
    appliance_id: str
    appliance: str
    """The class."""


Group = tuple[str, str, str, int]
"""Region, feeder, class and cohort."""


class Fleet:
    """All appliances of a replay; the number of a series is its index. Columns have shape ``(len(fleet),)``."""

    def __init__(self, appliances: Sequence[Appliance]) -> None:
        self.appliances = tuple(appliances)
        rules, profiles = load_rules(), load_profiles()
        codes = [rules.code(one.appliance, one.dataset) for one in appliances]
        self.rules: tuple[Rule | None, ...] = tuple(rules.rows[code] if code >= 0 else None for code in codes)
        """What may be done with each; ``None``: nothing."""
        own = [profiles.get(one.appliance, one.dataset) for one in appliances]
        self.on_w: Floats = np.array([one.on_w for one in own], dtype=np.float64)
        self.off_w: Floats = np.array([one.off_w for one in own], dtype=np.float64)
        self.defers: Flags = np.array([rule is not None and rule.handling is Handling.DEFER for rule in self.rules])
        self.rebound_share = self._of_rules("rebound_share")
        self.rest_after_s: Floats = self._of_rules("rest_after_min") * _S_PER_MIN
        numbers: dict[str, int] = {}
        self.house: Ints = np.array([numbers.setdefault(one.house_id, len(numbers)) for one in appliances])
        self.houses = len(numbers)
        self.is_mains: Flags = np.array([one.appliance == _MAINS for one in appliances], dtype=np.bool_)
        self.legs: Ints = np.bincount(self.house[self.is_mains], minlength=self.houses)
        """Mains circuits of each house."""
        self.groups: dict[Group, list[int]] = {}
        for series, one in enumerate(appliances):
            group = (one.region, one.feeder, one.appliance, cohort_of(one.house_id))
            self.groups.setdefault(group, []).append(series)

    def __len__(self) -> int:
        return len(self.appliances)

    def _of_rules(self, name: str) -> Floats:
        return np.array([0.0 if rule is None else getattr(rule, name) for rule in self.rules], dtype=np.float64)
