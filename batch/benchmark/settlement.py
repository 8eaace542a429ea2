"""Settles past events: how much less was drawn than by each baseline method, with an interval over all events.

For each event the days like it without one tell how a method errs: their relative residuals correct its bias, and drawn
at random in place of the unknown one they give the interval of the mean over all events (a bootstrap). What events and
other given intervals touched is no history (``without_hours``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from batch.benchmark.interval_file import Interval, hours_of
from gridflex.domain.baseline import CAISO as _CAISO
from gridflex.domain.baseline import (
    METHODS,
    STACKS,
    ControlRule,
    DayKind,
    DayRule,
    DayTraits,
    EventWindow,
    Loads,
    MeanRule,
    RegressionRule,
    baselines,
    bounds,
    contaminated_at,
    day_start,
    day_traits,
    fewest,
    gaming,
    hours_around,
    nearest_residuals,
    score_errors,
    season_error,
    stacks,
    starting_at,
    verify,
    without_hours,
)
from gridflex.domain.readings import MS_PER_DAY, Flags, Floats, Ints
from gridflex.errors import SourceError, UsageError

DRAWS = 2000
_REACH_H = 4
"""The furthest adjustment hours from an event."""
LEAST_SHARE = 0.8
"""A method with numbers for a smaller share of the events is not recommended."""
_MINUTES_PER_DAY = 1440
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one method says of all events; NaN without a number."""

    method: str
    events: int
    """Events with a number."""
    mean_kw: float
    """Mean power shed during the events; positive: less was drawn."""
    lower_kw: float
    upper_kw: float
    excluded_hours: float
    """Adjustment hours of these events that were left out because something touched them."""
    outcomes: dict[str, int]
    """How many events are a shed, an increase, or neither, each by its own interval."""
    season_error: float
    """The method's error on days without an event, as the recommendation weighs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The result over all methods."""

    methods: tuple[Settled, ...]
    recommended: str | None
    events: int
    """Events within the data."""
    outside: int
    gamed: int
    """Events whose hours before were inflated (``gaming``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An event on the grid whose days start at slot ``shift``; events of one place are computed together."""

    shift: int
    first: int
    stop: int
    weekend: bool
    left_out: tuple[int, ...] = ()
    """Slots around the event that something touched. Days without an event are judged as if it had touched theirs too:
    a method that adjusts by fewer hours errs more.
    """


@dataclass(slots=True)
class _Tally:
    """What one method gathers event by event."""

    expected_kwh: list[float] = field(default_factory=list)
    actual_kwh: list[float] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)
    residuals: list[Floats] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    excluded_hours: float = 0.0


def settle(
    loads: Loads,
    events: Sequence[Interval],
    others: Sequence[Interval] = (),
    *,
    level: float = 0.90,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Settlement:
    """Settle the events of loads of one slice, with its control group where it has one.

    ``others``: intervals that are no events to be settled but touch the load all the same. ``on_progress`` is called
    with the number of events done. Raises ``UsageError`` for an event off the grid, longer than a day, or of one slice,
    and ``SourceError`` when no event lies in the data.
    """
    places = _by_place(loads, events)
    inside = sum(map(len, places.values()))
    if not inside:
        span = f"{loads.date(0)} to {loads.date(loads.days - 1)}"
        raise SourceError(f"none of {len(events)} event(s) lies in the data ({span})")
    clean = without_hours(loads, hours_of([*events, *others], loads))
    tallies = {name: _Tally() for name in (*METHODS, *STACKS)}
    gamed = 0
    for place, days in _by_left_out(clean, places).items():
        gamed += _settle_place(loads, clean, place, np.array(sorted(days)), tallies, level)
        on_progress(len(days))
    found = tuple(_settled(name, tally, level) for name, tally in tallies.items())
    return Settlement(
        methods=found,
        recommended=_recommended(found, inside),
        events=inside,
        outside=len(events) - inside,
        gamed=gamed,
    )


def _by_place(loads: Loads, events: Sequence[Interval]) -> dict[_Place, list[int]]:
    """Day indexes of the events that lie in the data, by place."""
    width = _MINUTES_PER_DAY // loads.slots * _MS_PER_MINUTE
    places: dict[_Place, list[int]] = {}
    for one in events:
        if one.slice:
            raise UsageError(f"{one.place}: found an event of {one.slice!r} alone; allowed: events of all slices")
        start, end = one.start_ms - loads.first_day * MS_PER_DAY, one.end_ms - loads.first_day * MS_PER_DAY
        if start % width or end % width:
            minutes = width // _MS_PER_MINUTE
            raise UsageError(f"{one.place}: the data's intervals are {minutes} min; start and end must fall on them")
        length = (end - start) // width
        if length > loads.slots:
            raise UsageError(f"{one.place}: longer than 24 h; give an event of each day")
        day, first = divmod(start // width, loads.slots)
        shift = day_start(first, length, loads.slots)
        known = loads.kwh[0].ravel()[max(start // width, 0) : max(end // width, 0)]
        if 0 <= day < loads.days and len(known) == length and np.isfinite(known).all():
            weekend = bool(loads.kinds[day] != DayKind.WEEKDAY)
            place = _Place(shift=shift, first=first - shift, stop=first - shift + length, weekend=weekend)
            places.setdefault(place, []).append(int(day))
    return places


def _by_left_out(clean: Loads, places: dict[_Place, list[int]]) -> dict[_Place, list[int]]:
    """The places, told apart also by which slots around each event are contaminated."""
    finer: dict[_Place, list[int]] = {}
    reach = round(_REACH_H * clean.per_hour)
    for place, days in places.items():
        history = starting_at(clean, place.shift)
        around = np.concatenate(
            [np.arange(place.first - reach, place.first), np.arange(place.stop, place.stop + reach)]
        )
        for day in days:
            hit = contaminated_at(history, day, around)[0]
            finer.setdefault(replace(place, left_out=tuple(around[hit].tolist())), []).append(day)
    return finer


def _as_if_left_out(history: Loads, slots: tuple[int, ...], quiet: Ints) -> Loads:
    """The loads with the slots of all quiet days marked, so that none adjusts by them; their energy stays."""
    if not slots or history.contaminated is None:
        return history
    marked = history.contaminated.copy()
    flat = marked.reshape(len(marked), -1)
    for slot in slots:
        index = quiet * history.slots + slot
        flat[:, index[(index >= 0) & (index < flat.shape[1])]] = True
    return replace(history, contaminated=marked)


def _settle_place(  # noqa: PLR0917
    loads: Loads, clean: Loads, place: _Place, events: Ints, tallies: dict[str, _Tally], level: float
) -> int:
    """Add the events of one place to the tallies. Returns how many were gamed."""
    metered, history = starting_at(loads, place.shift), starting_at(clean, place.shift)
    window = EventWindow(first=place.first, stop=place.stop)
    quiet = np.flatnonzero(
        np.isfinite(history.kwh[0, :, window.first : window.stop]).all(axis=1)
        & ~history.excluded[0]
        & ((history.kinds != DayKind.WEEKDAY) == place.weekend)
    )
    quiet = quiet[quiet < events.max()]
    targets = np.union1d(quiet, events)
    actual = history.actual_kwh(window, targets)
    traits = day_traits(history, window, targets)
    made = baselines(_as_if_left_out(history, place.left_out, quiet), window, targets)
    made |= stacks(made, actual, traits)
    drawn = metered.actual_kwh(window, events)[0].sum(axis=1)
    at = np.searchsorted(targets, events)
    calm = np.isin(targets, quiet)
    for name, values in made.items():
        expected = values.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            residual = np.where(calm, actual.sum(axis=2) / expected - 1, np.nan)
        error = season_error(
            score_errors(name, values[:, calm], actual[:, calm], loads.per_hour, traits=_of(traits, calm))
        )
        for event, day, kwh in zip(at.tolist(), events.tolist(), drawn.tolist(), strict=True):
            pool = nearest_residuals(residual, expected, traits, traits, event, expected[:, event], level=level)[0]
            pool = pool[np.isfinite(pool)]
            if np.isfinite(expected[0, event]) and len(pool) >= fewest(level):
                tally = tallies[name]
                _add(tally, float(expected[0, event]), kwh, pool, level)
                tally.hours.append(window.slots / loads.per_hour)
                tally.errors.append(error)
                tally.excluded_hours += _left_out(history, window, name, day)
    return int(gaming(history, window, events, quiet).flagged.sum()) if len(quiet) else 0


def _of(traits: DayTraits, which: Flags) -> DayTraits:
    peak = traits.peak_c
    return DayTraits(
        day=traits.day[which],
        peak_c=None if peak is None else peak[which],
        event_like=traits.event_like[which],
    )


def _add(tally: _Tally, expected: float, kwh: float, pool: Floats, level: float) -> None:
    low, high = bounds(pool[None], level=level)
    tally.expected_kwh.append(expected)
    tally.actual_kwh.append(kwh)
    tally.residuals.append(pool)
    tally.low.append(float(low[0]))
    tally.high.append(float(high[0]))


def _left_out(history: Loads, window: EventWindow, name: str, day: int) -> float:
    """Hours of the method's adjustment windows on the day that are contaminated; of its members the most."""
    hours = [0.0]
    for rule in _rules(name):
        slots = hours_around(window, rule, history.per_hour)
        hours.append(float(contaminated_at(history, day, slots).sum()) / history.per_hour)
    return max(hours)


def _rules(name: str) -> list[DayRule]:
    method = METHODS.get(name)
    if isinstance(method, DayRule):
        return [method]
    if isinstance(method, RegressionRule):
        return [replace(_CAISO, adjustment=replace(_CAISO.adjustment, before_h=method.before_h))]
    if isinstance(method, ControlRule):
        return []
    members = method.members if isinstance(method, MeanRule) else STACKS[name]
    return [rule for member in members for rule in _rules(member)]


def _settled(name: str, tally: _Tally, level: float) -> Settled:
    count = len(tally.hours)
    nothing = float("nan")
    if not count:
        return Settled(
            method=name, events=0, mean_kw=nothing, lower_kw=nothing, upper_kw=nothing, excluded_hours=0.0,
            outcomes={}, season_error=nothing,
        )  # fmt: skip
    expected, actual = np.array(tally.expected_kwh), np.array(tally.actual_kwh)
    hours = float(np.sum(tally.hours))
    bias = np.array([pool.mean() for pool in tally.residuals])
    drawn = _drawn(tally.residuals, expected)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    base = float((expected - actual).sum())
    outcomes = verify(expected, actual, np.array(tally.low), np.array(tally.high)).outcomes()
    return Settled(
        method=name,
        events=count,
        mean_kw=(base + float((expected * bias).sum())) / hours,
        lower_kw=(base + float(low)) / hours,
        upper_kw=(base + float(high)) / hours,
        excluded_hours=tally.excluded_hours,
        outcomes={str(word): outcomes.count(word) for word in dict.fromkeys(outcomes)},
        season_error=float(np.mean(tally.errors)),
    )


def _drawn(residuals: Sequence[Floats], expected: Floats) -> Floats:
    """Sums over events of a residual drawn for each, kWh, shape (DRAWS,).

    The mean of a pool is itself uncertain, in the same direction for all events, as they share their pools.
    """
    random = np.random.default_rng(0)
    total = np.zeros(DRAWS)
    shared = random.standard_normal(DRAWS)
    for pool, kwh in zip(residuals, expected.tolist(), strict=True):
        total += kwh * random.choice(pool, DRAWS)
        total += kwh * shared * pool.std(ddof=1) / np.sqrt(len(pool))
    return total


def _recommended(found: Sequence[Settled], events: int) -> str | None:
    full = [one for one in found if one.events >= LEAST_SHARE * events and np.isfinite(one.season_error)]
    return min(full, key=lambda one: one.season_error).method if full else None
