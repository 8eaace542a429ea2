"""A VTN's event as a request to us: where, when, and by how many kilowatts less.

The event is checked as data from outside: a VTN takes almost anything. What cannot be meant is refused in one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from gridflex.domain.curtailment import STEP_MIN, content_hash
from gridflex.domain.openadr.published import KILOWATTS, SETPOINT
from gridflex.domain.openadr.targets import Place, place_of
from gridflex.domain.openadr.times import NEVER, STEP_MS, duration_ms, instant, instant_ms
from gridflex.errors import ForeignEventError

Document = Mapping[str, Any]
_MOST_STEPS = 24 * 60 // STEP_MIN
_MOST_KW = 1e9
_LEAST_SHARE = 0.5
"""A plan has one target. Intervals that ask for less than this share of the most need an event of their own."""
_NO_PLACES: Mapping[str, Place] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a VTN's event asks for."""

    place: Place
    start_ms: int
    """UTC epoch; of the first interval that asks for anything."""
    kw: tuple[float, ...]
    """Power to be shed in each step of five minutes, above zero."""
    digest: str = field(init=False)
    """The same for events that ask for the same."""

    def __post_init__(self) -> None:
        asked = [self.place.region, self.place.feeder, self.start_ms, list(self.kw)]
        object.__setattr__(self, "digest", content_hash(asked))

    @property
    def end_ms(self) -> int:
        """UTC epoch, one past the last step."""
        return self.start_ms + len(self.kw) * STEP_MS

    @property
    def target_kw(self) -> float:
        """What a plan must shed in every step so that no step is short."""
        return max(self.kw)

    def check_ahead(self, now_ms: int) -> None:
        """Raises ``ForeignEventError`` when the event has begun."""
        if self.start_ms <= now_ms:
            raise ForeignEventError(f"start: found {_told(self.start_ms)}, which has passed at {instant(now_ms)}")


def is_cancelled(document: Document) -> bool:
    """Whether an event was cancelled by an update: it begins in the year 1 and lasts no time.

    >>> is_cancelled({"intervalPeriod": {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}})
    True
    """
    period = document.get("intervalPeriod")
    if not isinstance(period, Mapping):
        return False
    try:
        start_ms, length_ms = instant_ms("start", period.get("start")), duration_ms("duration", period.get("duration"))
    except ForeignEventError:
        return False
    return start_ms == instant_ms("start", NEVER) and length_ms == 0


def read_event(document: Document, places: Mapping[str, Place] = _NO_PLACES) -> Asked:
    """What an event asks for. ``places``: places that a VTN calls by names of its own.

    Raises ``ForeignEventError`` on what it cannot mean, or what we cannot do.
    """
    place = _place(document.get("targets"), places)
    _check_units(document.get("payloadDescriptors"))
    start_ms, setpoints_kw = _steps(document)
    asked_kw = [-one + 0.0 for one in setpoints_kw]
    if min(asked_kw) < 0:
        raise ForeignEventError(f"found a setpoint of {-min(asked_kw):g} kW; allowed: 0 or below, to use less")
    busy = [step for step, one in enumerate(asked_kw) if one > 0]
    if not busy:
        raise ForeignEventError("found setpoints of 0 kW alone; allowed: below 0")
    kw = tuple(asked_kw[busy[0] : busy[-1] + 1])
    if min(kw) < _LEAST_SHARE * max(kw):
        raise ForeignEventError(
            f"found setpoints from {-max(kw):g} to {-min(kw):g} kW in one event; allowed: each at least half of the "
            "lowest, or events of their own"
        )
    return Asked(place=place, start_ms=start_ms + busy[0] * STEP_MS, kw=kw)


def _place(targets: object, places: Mapping[str, Place]) -> Place:
    """A region; one feeder of it if just one is named."""
    names = targets if isinstance(targets, Sequence) and not isinstance(targets, str) else []
    if not names:
        raise ForeignEventError("found no target; allowed: a region or a feeder")
    found = {places[name] if name in places else place_of(name) for name in map(str, names)}
    regions, feeders = {one.region for one in found}, sorted(one for one in found if one.feeder)
    if len(regions) > 1:
        raise ForeignEventError(f"found targets in {', '.join(sorted(regions))}; allowed: one region")
    if len(feeders) == 1:
        return feeders[0]
    whole = Place(regions.pop())
    if whole not in found:
        raise ForeignEventError(
            f"found feeders {', '.join(one.feeder for one in feeders)}; allowed: one, or the region {whole} with them"
        )
    return whole


def _check_units(descriptors: object) -> None:
    """Without a descriptor the unit is kW."""
    for one in _maps("payloadDescriptors", descriptors or []):
        if one.get("payloadType") == SETPOINT and one.get("units") not in {None, KILOWATTS}:
            raise ForeignEventError(f"payloadDescriptors: found units {one.get('units')!r}; allowed: {KILOWATTS}")


def _steps(document: Document) -> tuple[int, list[float]]:
    """Begin, and the setpoint in kW of each step of five minutes."""
    common = document.get("intervalPeriod") or {}
    if not isinstance(common, Mapping):
        raise ForeignEventError("intervalPeriod: allowed: start and duration")
    begin_ms: int | None = None
    setpoints_kw: list[float] = []
    for place, interval in enumerate(_maps("intervals", document.get("intervals"))):
        where, period = f"interval {place}", {**common, **(interval.get("intervalPeriod") or {})}
        length_ms = duration_ms(f"{where}: duration", period.get("duration"))
        if length_ms <= 0 or length_ms % STEP_MS:
            raise ForeignEventError(f"{where}: found {length_ms / 60_000:g} min; allowed: {STEP_MIN}, 10, 15, ... min")
        own = (interval.get("intervalPeriod") or {}).get("start")
        if begin_ms is None:
            begin_ms = instant_ms(f"{where}: start", period.get("start"))
        cursor_ms = begin_ms + len(setpoints_kw) * STEP_MS
        if own is not None and instant_ms(f"{where}: start", own) != cursor_ms:
            raise ForeignEventError(f"{where}: starts at {str(own)[:40]}; allowed: {_told(cursor_ms)}, without a gap")
        if len(setpoints_kw) + length_ms // STEP_MS > _MOST_STEPS:
            raise ForeignEventError("intervals: found more than 24 h; allowed: a day at most")
        setpoints_kw += [_setpoint_kw(where, interval)] * (length_ms // STEP_MS)
    if begin_ms is None:
        raise ForeignEventError("intervals: found none; allowed: one or more")
    _check_duration(document.get("duration"), len(setpoints_kw) * STEP_MS)
    return begin_ms, setpoints_kw


def _setpoint_kw(where: str, interval: Mapping[str, Any]) -> float:
    payloads = _maps(f"{where}: payloads", interval.get("payloads"))
    found = [one.get("values") for one in payloads if one.get("type") == SETPOINT]
    if len(found) != 1 or not isinstance(found[0], Sequence) or isinstance(found[0], str) or len(found[0]) != 1:
        types = ", ".join(sorted(str(one.get("type"))[:40] for one in payloads)) or "nothing"
        raise ForeignEventError(f"{where}: found {types}; allowed: {SETPOINT} once, with one value")
    value = found[0][0]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > _MOST_KW:
        raise ForeignEventError(f"{where}: found the value {str(value)[:40]!r}; allowed: a number of kW")
    return float(value)


def _check_duration(duration: object, length_ms: int) -> None:
    if duration is not None and duration_ms("duration", duration) != length_ms:
        raise ForeignEventError(
            f"duration: found {str(duration)[:40]!r}; allowed: that of its intervals, {length_ms // 60_000} min"
        )


def _maps(where: str, found: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(found, Sequence) or isinstance(found, str) or not all(isinstance(one, Mapping) for one in found):
        raise ForeignEventError(f"{where}: allowed: a list of objects")
    if any(not isinstance(one.get("intervalPeriod") or {}, Mapping) for one in found):
        raise ForeignEventError(f"{where}: intervalPeriod: allowed: start and duration")
    return found


def _told(time_ms: int) -> str:
    try:
        return instant(time_ms)
    except (ValueError, OverflowError):
        return str(time_ms)
