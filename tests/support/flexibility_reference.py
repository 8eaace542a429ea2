"""The forecaster's rules once more, one appliance and one minute at a time in plain Python: written apart from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gridflex.domain.flexibility import AHEAD_MIN, Handling, Rule, typical_flexibility


@dataclass(frozen=True)
class Minute:
    """One minute as it was seen."""

    end: int
    """Minutes since 1970."""
    observed_s: float
    on_s: float
    power_w: float
    """While on."""


@dataclass
class Told:
    """What a minute tells, by horizon."""

    fresh: bool
    flex_w: list[float]
    variance_w2: list[float]


@dataclass
class SlowForecaster:
    """Remembers every minute and every cell."""

    rule: Rule
    minutes: dict[int, Minute] = field(default_factory=dict)
    phases: dict[int, str] = field(default_factory=dict)
    """At the end of each cell that was closed: on, off, or nothing."""
    samples: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    last_on: int | None = None
    last: Minute | None = None
    power: list[float] = field(default_factory=list)
    program: list[float] = field(default_factory=lambda: [0.0, 0.0])
    change: float = 0.0

    def __post_init__(self) -> None:
        start = 30 if self.cycles else 120
        self.power = [start, start * self.rule.typical_on_w]
        self.change = 0.05 * self.rule.typical_on_w**2

    @property
    def cycles(self) -> bool:
        return self.rule.handling is Handling.CYCLE

    def see(self, minute: Minute) -> Told:
        observed = minute.observed_s >= 30
        self.minutes[minute.end] = minute
        if observed and minute.on_s > 0:
            self.last_on = minute.end
        active = self.last_on is not None and minute.end - self.last_on <= self.rule.rest_after_min
        self._measure_power(minute, counts=self.cycles or not active)
        self._measure_change(minute, active)
        self.last = minute
        phase = ("on" if minute.on_s * 2 >= minute.observed_s else "off") if observed and active else ""
        if minute.end % 5 == 0:
            self.phases[minute.end] = phase
            self._learn(minute.end)
        return self._tell(minute, phase, fresh=observed and (active or not self.rule.silent_means_offline))

    def _measure_power(self, minute: Minute, *, counts: bool) -> None:
        self.program[0] += minute.on_s / 60
        self.program[1] += minute.on_s / 60 * minute.power_w
        if counts:
            self.power = [have + more for have, more in zip(self.power, self.program, strict=True)]
            self.program = [0.0, 0.0]
            kept = min(1.0, 3000 / self.power[0])
            self.power = [kept * have for have in self.power]

    def _measure_change(self, minute: Minute, active: bool) -> None:
        before = self.last
        follows = before is not None and before.end == minute.end - 1 and before.observed_s >= 30
        if follows and active and minute.observed_s >= 30 and before is not None:
            self.change += ((mean_w(minute) - mean_w(before)) ** 2 - self.change) / 240

    def _learn(self, end: int) -> None:
        for horizon in AHEAD_MIN:
            began = self.phases.get(end - horizon, "")
            cells = [self._cell_w(end - 5 * back) for back in range(horizon // 5)]
            if began and not any(math.isnan(cell) for cell in cells):
                duty = sum(cells) / len(cells) / (self.power[1] / self.power[0])
                self.samples.setdefault((began, horizon), []).append(max(0, duty - self.rule.least_duty(horizon)))

    def _cell_w(self, end: int) -> float:
        seen = [self.minutes[minute] for minute in range(end - 4, end + 1) if minute in self.minutes]
        observed_s = sum(minute.observed_s for minute in seen)
        if end not in self.phases or observed_s < 150:
            return math.nan
        return sum(minute.on_s * minute.power_w for minute in seen) / observed_s

    def _tell(self, minute: Minute, phase: str, *, fresh: bool) -> Told:
        if not phase:
            return Told(fresh, [0.0] * 4, [0.0] * 4)
        power_w = self.power[1] / self.power[0]
        flex_w, variance_w2 = [mean_w(minute)], [self.change * self.rule.circuits]
        for horizon in AHEAD_MIN:
            mean, square = self._yield(phase, horizon)
            flex_w.append(mean * power_w)
            variance_w2.append(max(0.0, square - mean**2) * power_w**2 * self.rule.circuits)
        return Told(fresh, flex_w, variance_w2)

    def _yield(self, phase: str, horizon: int) -> tuple[float, float]:
        """Mean and mean square: weights halve over so much time, the typical course stands for the first samples."""
        weight = 3.0 if self.cycles else 60.0
        off, on = typical_flexibility(self.rule, horizon)
        mean, square = on if phase == "on" else off
        fade = 0.5 ** (5 / (240 if self.cycles else 3000))
        values: Sequence[float] = self.samples.get((phase, horizon), [])
        total = [weight * fade ** len(values) * moment for moment in (1, mean, square)]
        for age, value in enumerate(reversed(values)):
            total = [have + fade**age * value**power for power, have in enumerate(total)]
        return total[1] / total[0], total[2] / total[0]


def mean_w(minute: Minute) -> float:
    """Mean power while on over the observed time."""
    return minute.power_w * minute.on_s / minute.observed_s
