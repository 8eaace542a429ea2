"""Scores every baseline method on a data set's own days without an event, side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from batch.benchmark.loads.text_blocks import text_lines
from gridflex.domain.baseline import (
    METHODS,
    MINUTES_PER_DAY,
    DayKind,
    DayRule,
    DayTraits,
    EventWindow,
    Loads,
    MeanRule,
    RegressionRule,
    Score,
    as_total,
    baselines,
    day_flags,
    day_traits,
    fixed_fleet,
    hours_fit,
    on_common_days,
    others_as_control,
    placebo_days,
    recommend,
    score,
    stacks,
)
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import SourceError, UsageError

SLICES_AT_ONCE = 256
_MISSING = {
    "control_group": ("control", "a single slice has no control group; see --level each"),
    "weather_match_4": ("peak_temperature_c", "no weather in the data"),
}
"""What a method needs of the loads, and what is said without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineBenchmark:
    """The scores of all methods over one set of placebo days."""

    loads: Loads
    """What was scored: the slices, or their sum as one slice."""
    window: EventWindow
    targets: Ints
    """Indexes of the placebo days, shape (T,)."""
    baselines: dict[str, Floats]
    """Shape (S, T, W), kWh an interval; only days that all methods have."""
    actual: Floats
    """Shape (S, T, W)."""
    scores: dict[str, Score]
    recommended: str | None
    notes: tuple[str, ...]


def run_benchmark(
    loads: Loads, window: EventWindow, *, share: float = 1.0, on_progress: Callable[[], None] | None = None
) -> BaselineBenchmark:
    """Score every method on the loads' placebo days. Raises ``SourceError`` when there is none.

    ``share``: keep only this share of the placebo days, the most event-like (``placebo_days``).
    """
    targets = placebo_days(loads, window, share=share)
    if len(targets) == 0:
        raise SourceError("no weekday has a complete event window and is not excluded: nothing can be scored")
    actual = loads.actual_kwh(window, targets)
    traits = day_traits(loads, window, targets)
    found = on_common_days(_in_parts(loads, window, targets, traits, on_progress), actual)
    scores = {name: score(name, values, actual, loads.per_hour, traits=traits) for name, values in found.items()}
    notes = tuple(f"{name}: no number ({_why(name, loads)})" for name, one in scores.items() if not one.windows)
    return BaselineBenchmark(
        loads=loads,
        window=window,
        targets=targets,
        baselines=found,
        actual=actual,
        scores=scores,
        recommended=recommend(scores),
        notes=notes,
    )


def together(loads: Loads) -> tuple[Loads, str]:
    """Sum the fixed fleet to one slice; gives also a line of text that says what it contains."""
    fleet = fixed_fleet(loads.kwh)
    chosen = np.flatnonzero(fleet)
    part = replace(
        loads,
        names=tuple(loads.names[index] for index in chosen),
        kwh=loads.kwh[fleet],
        excluded=loads.excluded[fleet],
        control=None,
    )
    total = as_total(part)
    known = int(np.isfinite(total.kwh).any(axis=(0, 2)).sum())
    return total, f"sum of {len(chosen)} of {len(loads.names)} slice(s) that report together on {known} days"


def each(loads: Loads) -> tuple[Loads, str]:
    """Compute baselines for each slice by itself, with all others as its control group."""
    return others_as_control(loads), f"{len(loads.names)} slice(s), each by itself, errors pooled"


def exclude(loads: Loads, path: Path) -> tuple[Loads, tuple[str, ...]]:
    """The loads without the days of a file: a line is ``2013-09-23``, or ``2013-09-23,slice`` for one slice.

    Empty lines and what follows ``#`` are ignored, but where the name of a slice holds it. Also returned: what is said
    of days that the data does not have. Raises ``UsageError`` with the line that is wrong.
    """
    excluded = loads.excluded.copy()
    outside = []
    for number, line in enumerate(_lines(path), start=1):
        day, name = _excluded_day(line, loads.names, f"{path}:{number}")
        if day is None:
            continue
        flags = day_flags([day], loads.first_day, loads.days)
        if not flags.any():
            outside.append(f"{path.name}:{number}: {day}")
        for row in [loads.names.index(name)] if name else range(len(loads.names)):
            excluded[row] |= flags
    notes: tuple[str, ...] = ()
    if outside:
        days = f"{loads.date(0)} to {loads.date(loads.days - 1)}"
        notes = (f"warning: {len(outside)} excluded day(s) outside the data ({days}), first {outside[0]}",)
    return replace(loads, excluded=excluded), notes


def _lines(path: Path) -> list[str]:
    try:
        return text_lines(path)
    except SourceError as error:
        raise UsageError(str(error)) from None


def _excluded_day(line: str, names: tuple[str, ...], place: str) -> tuple[dt.date | None, str]:
    """A line's date and slice; no date where the line is empty, no slice where it means all."""
    head, _, rest = line.partition(",")
    text, commented, _ = head.partition("#")
    name = "" if commented else rest.strip()
    while name not in names and "#" in name:
        name = name.rpartition("#")[0].strip()
    text = text.strip()
    if not text and not name:
        return None, ""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{place}: found {text!r}; expected a date such as 2013-09-23") from None
    if name and name not in names:
        raise UsageError(f"{place}: no slice {name!r} in the data; there are {', '.join(names[:10])}")
    return day, name


def with_holidays(loads: Loads, dates: Iterable[dt.date]) -> Loads:
    """The loads with these dates as holidays too."""
    free = day_flags(dates, loads.first_day, loads.days)
    return replace(loads, kinds=np.where(free, np.int8(DayKind.SUNDAY), loads.kinds))


def _in_parts(
    loads: Loads, window: EventWindow, targets: Ints, traits: DayTraits, on_progress: Callable[[], None] | None
) -> dict[str, Floats]:
    """Compute all methods and their stacks, some slices at a time, so that memory is bounded by the results."""
    parts = []
    for first in range(0, len(loads.names), SLICES_AT_ONCE):
        part = loads.part(first, first + SLICES_AT_ONCE)
        made = baselines(part, window, targets, on_progress=lambda _: on_progress() if on_progress else None)
        parts.append(made | stacks(made, part.actual_kwh(window, targets), traits))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def steps(loads: Loads) -> int:
    """How often ``on_progress`` is called."""
    return len(METHODS) * -(-len(loads.names) // SLICES_AT_ONCE)


def _why(name: str, loads: Loads) -> str:  # noqa: PLR0911
    method = METHODS.get(name)
    if isinstance(method, DayRule) and not hours_fit(method, loads.slots):
        minutes = MINUTES_PER_DAY // loads.slots
        return f"its hours do not fall on intervals of {minutes} min, and another window is not taken"
    if isinstance(method, MeanRule) and not any(hours_fit(rule, loads.slots) for rule in _members(method)):
        return f"no method that it is the mean of has hours on intervals of {MINUTES_PER_DAY // loads.slots} min"
    needed, otherwise = _MISSING.get(name, ("kwh", ""))
    if getattr(loads, needed) is None:
        return otherwise
    if isinstance(method, MeanRule):
        return f"fewer than {method.least} of the methods that it is the mean of have a number"
    if isinstance(method, RegressionRule):
        return f"fewer than {method.least_days} earlier days with all that it learns from"
    if method is None:
        return "none of the methods that it combines has a number"
    return "too little history, or its adjustment hours are missing"


def _members(method: MeanRule) -> list[DayRule]:
    found = (METHODS[name] for name in method.members)
    return [rule for rule in found if isinstance(rule, DayRule)]
