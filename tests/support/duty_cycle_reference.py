"""The detector's rules once more, a reading at a time in plain Python: slow, and written apart from the real one."""

from __future__ import annotations

from dataclasses import dataclass, field

from gridflex.domain.duty_cycle import Profile

Told = tuple[str, int, int, int | None, int, int, int, int]
"""status, event_time_ms, start_ms, end_ms, on_ms, observed_ms, on_energy_uj, energy_uj"""


@dataclass
class Seen:
    """One accepted reading."""

    start: int
    time: int
    power: float
    on: bool

    def energy(self, since: int, until: int) -> int:
        return round(self.power * (until - self.start) * 1000) - round(self.power * (since - self.start) * 1000)


@dataclass
class SlowAppliance:
    """One appliance's detector; it keeps every reading that it has seen."""

    profile: Profile
    max_gap_ms: int
    window_ms: int
    slide_ms: int
    seen: list[Seen] = field(default_factory=list)
    activation: list[Seen] = field(default_factory=list)
    """All readings of the running activation, its pauses included; empty when none runs."""
    told: bool = False

    def feed(self, time: int, power: float, observed_s: float) -> list[Told] | None:
        """What one reading tells; None when it is late."""
        last = self.seen[-1] if self.seen else None
        if last is not None and time <= last.time:
            return None
        start = time - round(observed_s * 1000)
        if last is not None:
            start = max(start, last.time)
        if not self.profile.detect:
            self.seen.append(Seen(start, time, power, False))
            return []
        reading = Seen(start, time, power, self._is_on(power, start == time))
        self.seen.append(reading)
        rows = self._activations(reading)
        return rows + self._windows(last.time if last else None, time)

    def close(self) -> list[Told]:
        """End of input."""
        return [self._over()] if self.activation else []

    def _is_on(self, power: float, unobserved: bool) -> bool:
        if power >= self.profile.on_w:
            return True
        if power < self.profile.off_w or unobserved:
            return False
        return bool(self.seen) and self.seen[-1].on

    def _activations(self, reading: Seen) -> list[Told]:
        rows = []
        min_off = round(self.profile.min_off_s * 1000)
        if self.activation:
            last_on = [one for one in self.activation if one.on][-1]
            off_between = not self.activation[-1].on
            if not reading.on:
                over = reading.time - last_on.time >= min_off
            elif off_between:
                over = reading.start - last_on.time >= min_off
            else:
                over = reading.start - last_on.time > max(min_off, self.max_gap_ms)
            if over:
                rows.append(self._over())
        if reading.on or self.activation:
            self.activation.append(reading)
        if reading.on and not self.told and self._extent() >= round(self.profile.min_on_s * 1000):
            self.told = True
            start = self.activation[0].start
            rows.append(("CONFIRMED", start + round(self.profile.min_on_s * 1000), start, None, *self._sums()))
        return rows

    def _until_last_on(self) -> list[Seen]:
        while_on = [index for index, one in enumerate(self.activation) if one.on]
        return self.activation[: while_on[-1] + 1]

    def _extent(self) -> int:
        return self._until_last_on()[-1].time - self.activation[0].start

    def _sums(self) -> tuple[int, int, int, int]:
        return total([(one, one.start, one.time) for one in self._until_last_on()])

    def _over(self) -> Told:
        end = self._until_last_on()[-1].time
        row = ("ENDED" if self.told else "RETRACTED", end, self.activation[0].start, end, *self._sums())
        self.activation, self.told = [], False
        return row

    def _windows(self, before: int | None, now: int) -> list[Told]:
        earliest = self.seen[0].start if before is None else before
        rows = []
        for pane in range(earliest // self.slide_ms + 1, now // self.slide_ms + 1):
            end = pane * self.slide_ms
            start = end - self.window_ms
            parts = [(one, max(one.start, start), min(one.time, end)) for one in self.seen]
            sums = total([part for part in parts if part[2] > part[1]])
            if sums[1] > 0:
                rows.append(("CLOSED", end, start, end, *sums))
        return rows


def total(parts: list[tuple[Seen, int, int]]) -> tuple[int, int, int, int]:
    """on_ms, observed_ms, on_energy_uj, energy_uj."""
    on_ms = sum(until - since for one, since, until in parts if one.on)
    observed_ms = sum(until - since for _, since, until in parts)
    on_energy = sum(one.energy(since, until) for one, since, until in parts if one.on)
    return on_ms, observed_ms, on_energy, sum(one.energy(since, until) for one, since, until in parts)
