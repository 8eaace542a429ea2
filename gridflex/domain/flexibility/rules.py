"""Defines what may be done with each appliance class, and what that leaves of its duty.

The numbers live in a table (gridflex.contracts.flexibility reads it); this module says what they mean and lays them out
as columns. A class without a row, or with ``never``, is not touched and has no flexibility.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from gridflex.domain.readings import Flags, Floats

Singles = npt.NDArray[np.float32]

HORIZONS_MIN = (0, 15, 30, 60)
"""How long an event may last that begins now; 0 is the minute just begun."""
AHEAD_MIN = HORIZONS_MIN[1:]
NOT_ELIGIBLE = -1
"""In place of a rule's code."""
_STEPS_PER_MIN = 4


class Handling(StrEnum):
    """What may be done with a class."""

    CYCLE = "cycle"
    """Off for a while, then on for a while."""
    DEFER = "defer"
    """A program that runs may be paused and go on later."""
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One class of appliances, or one data set's own view of it.

    Invariants: a class that may be cycled has ``max_off_min`` and ``min_on_min`` above zero; one that may be handled at
    all has a course with some on-time.
    """

    appliance: str
    dataset: str = ""
    """Empty: for every data set that has no row of its own."""
    handling: Handling
    max_off_min: float = 0
    """Off for at most so long, ..."""
    min_on_min: float = 0
    """... then on for at least so long."""
    rest_after_min: float = 0
    """Off for longer by itself, it rests: nothing can be shed. For a program: longer than any of its pauses."""
    silent_means_offline: bool = False
    """Such an appliance never rests: when it seems to, its plug is dead."""
    typical_on_w: float = 0
    """Power while on, until the appliance's own is known."""
    course: tuple[tuple[float, float], ...] = ()
    """Typical (minutes, relative power): of one cycle, or of one program. What is expected until its own is known."""
    circuits: int = 1
    """Measured circuits that one appliance is spread over: they move together."""
    shared_error: float = 0
    """Standard deviation of the error that all appliances of the class have in common, relative to their power."""
    rebound_share: float = 0
    """Share of the energy shed that is taken later."""

    def __post_init__(self) -> None:
        if self.handling is Handling.NEVER:
            return
        if self.handling is Handling.CYCLE and not (self.max_off_min > 0 and self.min_on_min > 0):
            raise ValueError(f"{self.appliance}: a class that may be cycled needs max_off_min and min_on_min above 0")
        if not any(minutes > 0 and power > 0 for minutes, power in self.course):
            raise ValueError(f"{self.appliance}: found course {self.course}; it needs some on-time")
        if self.typical_on_w <= 0 or self.circuits < 1 or min(self.rest_after_min, self.shared_error) < 0:
            raise ValueError(
                f"{self.appliance}: found typical_on_w={self.typical_on_w}, circuits={self.circuits}, "
                f"rest_after_min={self.rest_after_min}, shared_error={self.shared_error}; allowed: above 0, at least "
                "1, not negative, not negative"
            )
        if not 0 <= self.rebound_share <= 1:
            raise ValueError(f"{self.appliance}: found rebound_share={self.rebound_share}; allowed: 0..1")

    def least_duty(self, horizon_min: int) -> float:
        """``least_duty`` of this class; a program that is paused needs no duty at all."""
        return least_duty(self.max_off_min, self.min_on_min, horizon_min) if self.handling is Handling.CYCLE else 0.0


def least_duty(max_off_min: float, min_on_min: float, horizon_min: float) -> float:
    """The duty that an event of ``horizon_min`` must leave: off ``max_off_min``, on ``min_on_min``, off again, 0..1.

    ::

        event      |------------ 60 -----------|
        appliance  ______20______^^10^^__20____^    off 20, on 10: 10 of the 60 minutes, then another 10

    >>> [round(least_duty(20, 10, minutes), 3) for minutes in (0, 15, 30, 60)]
    [0.0, 0.0, 0.333, 0.333]
    >>> least_duty(30, 15, 60)
    0.25
    """
    if horizon_min <= max_off_min:
        return 0.0
    cycles, rest = divmod(horizon_min, max_off_min + min_on_min)
    return (cycles * min_on_min + max(0.0, rest - max_off_min)) / horizon_min


def typical_flexibility(rule: Rule, horizon_min: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and mean square of what an appliance in its typical course yields, relative to its power while on.

    Of one that is off at the event's begin, then of one that is on; every instant of the course is equally likely. A
    program comes to its end, and looks like one in a pause for ``rest_after_min`` more.

    >>> heater = Rule(appliance="heater", handling=Handling.CYCLE, max_off_min=60, min_on_min=1, typical_on_w=100,
    ...               course=((30, 1), (30, 0)))
    >>> [[round(value, 2) for value in pair] for pair in typical_flexibility(heater, 15)]
    [[0.25, 0.16], [0.75, 0.67]]
    """
    minutes, power = zip(*rule.course, strict=True)
    once = np.repeat(power, np.rint(np.array(minutes) * _STEPS_PER_MIN).astype(np.int64)).astype(np.float64)
    once /= once[once > 0].mean()
    steps = horizon_min * _STEPS_PER_MIN
    if rule.handling is Handling.CYCLE:
        ahead = np.tile(once, 2 + steps // len(once))
    else:
        once = np.append(once, np.zeros(round(rule.rest_after_min * _STEPS_PER_MIN)))
        ahead = np.append(once, np.zeros(steps))
    energy = np.append(0, np.cumsum(ahead))
    start = np.arange(len(once))
    shed = np.maximum(0, (energy[start + steps] - energy[start]) / steps - rule.least_duty(horizon_min))
    return _moments(shed[once == 0]), _moments(shed[once > 0])


def _moments(values: Floats) -> tuple[float, float]:
    return (float(values.mean()), float((values**2).mean())) if len(values) else (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules that allow something; a rule's place in ``rows`` is its code. Columns have shape ``(len(rows),)``."""

    rows: tuple[Rule, ...]
    codes: dict[tuple[str, str], int] = field(repr=False)
    """(appliance, dataset) -> code."""
    cycles: Flags = field(repr=False)
    """May be cycled; the others may be deferred."""
    rest_after_min: Singles = field(repr=False)
    silent_means_offline: Flags = field(repr=False)
    typical_on_w: Singles = field(repr=False)
    circuits: Singles = field(repr=False)
    shared_error: Singles = field(repr=False)
    rebound_share: Singles = field(repr=False)
    least_duty: Singles = field(repr=False)
    """Shape (rules, horizons ahead)."""
    typical: Singles = field(repr=False)
    """Shape (mean or mean square, rules, off or on, horizons ahead), see ``typical_flexibility``."""

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Rules:
        """Lay out rules as columns. Raises ``ValueError`` on a class told twice."""
        told: set[tuple[str, str]] = set()
        codes: dict[tuple[str, str], int] = {}
        rows: list[Rule] = []
        for rule in rules:
            key = (rule.appliance, rule.dataset)
            if key in told:
                raise ValueError(f"{rule.appliance} ({rule.dataset or 'every data set'}) has two rows")
            told.add(key)
            codes[key] = NOT_ELIGIBLE if rule.handling is Handling.NEVER else len(rows)
            rows += [] if rule.handling is Handling.NEVER else [rule]
        typical = [[typical_flexibility(rule, horizon) for horizon in AHEAD_MIN] for rule in rows]
        return cls(
            rows=tuple(rows),
            codes=codes,
            cycles=np.array([rule.handling is Handling.CYCLE for rule in rows], dtype=np.bool_),
            silent_means_offline=np.array([rule.silent_means_offline for rule in rows], dtype=np.bool_),
            least_duty=_singles([[rule.least_duty(horizon) for horizon in AHEAD_MIN] for rule in rows]),
            typical=_singles(typical).reshape(len(rows), len(AHEAD_MIN), 2, 2).transpose(3, 0, 2, 1),
            **{name: _singles([getattr(rule, name) for rule in rows]) for name in _NUMBERS},
        )

    def code(self, appliance: str, dataset: str) -> int:
        """The code of a class: of the data set's own row, else of the class's; ``NOT_ELIGIBLE`` if it has none."""
        return self.codes.get((appliance, dataset), self.codes.get((appliance, ""), NOT_ELIGIBLE))


_NUMBERS = ("rest_after_min", "typical_on_w", "circuits", "shared_error", "rebound_share")


def _singles(values: object) -> Singles:
    return np.array(values, dtype=np.float32)
