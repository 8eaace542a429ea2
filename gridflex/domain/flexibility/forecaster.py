"""Forecasts what an event that begins now would shed of each appliance, with its variance.

::

    flexible power = P_on x max(0, duty - duty_min) x fresh x reachable x eligible x not opted out

P_on x duty of a stretch of time is the mean power that the appliance took while on, ``duty_min`` what the class's rule
leaves of it (``least_duty``). What the stretch ahead will be is told by the stretches behind: of all that began with
the appliance in the same phase, on or off, the mean and the mean square are kept, relative to P_on, the older ones
weighing less. For the minute just begun the last minute stands, with the mean square of its changes.

Mean and variance of independent appliances add up, quantiles do not; so each appliance tells its moments, and
``quantiles`` turns the moments of a sum into P10, P50 and P90. What all appliances of a class get wrong together
(weather, the hour) is a third moment: standard deviations that add up as they are.

``Forecaster.fold`` brings each appliance forward a minute at a time: however minutes are batched, the answer and the
state are the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gridflex.domain.duty_cycle import OBSERVED, ON_ENERGY, Rows
from gridflex.domain.duty_cycle import ON as ON_TIME
from gridflex.domain.flexibility.rules import AHEAD_MIN, HORIZONS_MIN, NOT_ELIGIBLE, Rules, Singles
from gridflex.domain.flexibility.state import (
    CELL_MIN,
    NEVER_ON_MIN,
    OFF,
    ON,
    UNKNOWN,
    Records,
    find,
    new_records,
)
from gridflex.domain.readings import Flags, Floats, Ints

Phases = npt.NDArray[np.int8]

MS_PER_MIN = 60_000
Z90 = 1.2816
"""P90 of a normal distribution, in standard deviations."""
_FRESH_MS = MS_PER_MIN // 2
_UJ_PER_W_MS = np.float32(1000)
_UJ_PER_W_MIN = np.float32(6e7)
_POWER_MEMORY_MIN = np.float32(3000)
"""On-time after which the power while on forgets."""
_CHANGE_SHARE = np.float32(1 / 240)
_FADE = {cycles: np.float32(0.5 ** (CELL_MIN / minutes)) for cycles, minutes in ((True, 240), (False, 3000))}
"""What a sample loses at the next one of its phase: half after 4 hours, of programs after 50."""
_SHARED_NOW = np.float32(0.1)
"""Part of a class's common error that a minute's duty has."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Minutes:
    """Minutes of appliances, each appliance's in order of time. Columns have shape (m,)."""

    key: Ints
    rule: Ints
    """Code in ``Rules``."""
    minute: Ints
    """Its end, minutes since 1970."""
    observed_ms: Ints
    on_ms: Ints
    on_uj: Ints
    """Energy while on, microjoules."""

    def __len__(self) -> int:
        return len(self.key)

    def take(self, chosen: Ints) -> Minutes:
        """The chosen minutes."""
        return Minutes(**{column.name: getattr(self, column.name)[chosen] for column in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flexibility:
    """What each minute tells, shape (m,), and by horizon, shape (horizons, m); horizons are ``HORIZONS_MIN``."""

    fresh: Flags
    """Observed, and not a dead plug."""
    flex_w: Singles
    """Mean power that would be shed."""
    variance_w2: Singles
    """Of what is the appliance's own."""
    shared_w: Singles
    """Standard deviation of what its class has in common."""
    rebound_wh: Singles
    """Energy that comes back after the event."""

    def only(self, callable_: Flags) -> Flexibility:
        """Nothing but for the appliances marked, shape (m,): those within reach that did not opt out."""
        names = ("flex_w", "variance_w2", "shared_w", "rebound_wh")
        return replace(self, **{name: np.where(callable_, getattr(self, name), np.float32(0)) for name in names})


def minutes_of(rows: Rows, rule: Ints) -> tuple[Ints, Minutes]:
    """The minutes of windows of eligible appliances, and which rows they are of. The detector slides by a minute.

    ``rule``: shape (m,), the code of each row's appliance, ``NOT_ELIGIBLE`` if it has none.
    """
    chosen = np.flatnonzero(rows.is_window & (rule != NOT_ELIGIBLE))
    sums = rows.slide_sums[:, chosen]
    return chosen, Minutes(
        key=rows.key[chosen],
        rule=rule[chosen],
        minute=rows.end_ms[chosen] // MS_PER_MIN,
        observed_ms=sums[OBSERVED],
        on_ms=sums[ON_TIME],
        on_uj=sums[ON_ENERGY],
    )


def quantiles(flex_w: Floats, variance_w2: Floats, shared_w: Floats) -> tuple[Floats, Floats, Floats]:
    """P10, P50 and P90 of sums, from the sums of the moments; in W, shape (n,) each.

    The expected value stands for the median, so that P50 of parts add up to P50 of the whole.

    >>> [float(one.round(1)) for one in quantiles(np.array(100.0), np.array(900.0), np.array(40.0))]
    [35.9, 100.0, 164.1]
    """
    spread = Z90 * np.sqrt(variance_w2 + shared_w**2)
    return np.maximum(0.0, flex_w - spread), flex_w, flex_w + spread


@dataclass(frozen=True, slots=True)
class Forecaster:
    """The rules; what is remembered are ``Records``, see ``state``.

    >>> from gridflex.domain.flexibility.rules import Handling, Rule
    >>> from gridflex.domain.flexibility.state import no_records
    >>> fridge = Rule(appliance="fridge", handling=Handling.CYCLE, max_off_min=30, min_on_min=15, rest_after_min=180,
    ...               typical_on_w=100, course=((20, 1), (40, 0)))
    >>> hours = np.arange(720)
    >>> on = hours % 60 < 20
    >>> minutes = Minutes(key=np.full(720, 7), rule=np.zeros(720, np.int64), minute=hours + 1,
    ...                   observed_ms=np.full(720, 60_000), on_ms=on * 60_000, on_uj=on * 120 * 60_000 * 1000)
    >>> told, _ = Forecaster(Rules.of([fridge])).fold(no_records(), minutes)
    >>> told.flex_w[:, 709].round(-1).tolist()  # off now
    [0.0, 30.0, 50.0, 10.0]
    """

    rules: Rules

    def fold(self, records: Records, minutes: Minutes) -> tuple[Flexibility, Records]:
        """Take minutes in: what they tell, and what is now remembered. An appliance's minutes only go forward."""
        first = _first_of_each(minutes.key)
        _, known = find(records, minutes.key[first])
        new = minutes.take(first[~known])
        places, _ = find(records, new.key)
        records = np.insert(records, places, new_records(new.key, new.rule, new.minute, self.rules))
        place, _ = find(records, minutes.key)
        after = np.zeros(len(minutes), dtype=records.dtype)
        phase, fresh = np.zeros(len(minutes), dtype=np.int8), np.zeros(len(minutes), dtype=np.bool_)
        for turn in _turns(minutes.key):
            after[turn], phase[turn], fresh[turn] = self._advance(records[place[turn]], minutes.take(turn))
            records[place[turn]] = after[turn]
        return self._tell(after, minutes.rule, phase, fresh), records

    def _advance(self, now: Records, minute: Minutes) -> tuple[Records, Phases, Flags]:
        """Bring each of some appliances one minute forward, shape (k,); their phases, and whose data is fresh."""
        rules, rule = self.rules, minute.rule
        observed = minute.observed_ms >= _FRESH_MS
        power_w = _power_w(minute.on_uj, minute.observed_ms, observed)
        was_on = observed & (minute.on_ms > 0)
        passed = (minute.minute - now["minute"]).astype(np.int32)
        now["rested_min"] = np.where(was_on, 0, np.minimum(now["rested_min"] + passed, NEVER_ON_MIN))
        active = now["rested_min"] <= rules.rest_after_min[rule]
        _learn_power(now, minute, rules.cycles[rule] | ~active)
        change_w2 = np.square(power_w - np.where(passed == 1, now["minute_w"], np.float32(np.nan)))
        learned = now["change_w2"] + (change_w2 - now["change_w2"]) * _CHANGE_SHARE
        now["change_w2"] = np.where(active & np.isfinite(change_w2), learned, now["change_w2"])
        now["minute_w"] = power_w
        mostly_on = np.where(minute.on_ms * 2 >= minute.observed_ms, ON, OFF)
        phase = np.where(observed & active, mostly_on, UNKNOWN).astype(np.int8)
        closed = _fill_cells(now, minute, phase)
        now["minute"] = minute.minute
        if len(closed):
            now[closed] = self._learn(now[closed], rule[closed])
        fresh = observed & (active | ~rules.silent_means_offline[rule])
        return now, phase, fresh

    def _learn(self, now: Records, rule: Ints) -> Records:
        """From the cells behind, what the phases before them yielded. Each newest cell has just been closed."""
        power_w = now["on_wmin"] / now["on_min"]
        fade = np.where(self.rules.cycles[rule], _FADE[True], _FADE[False])
        total_w, cells = np.zeros(len(now), dtype=np.float32), 0
        for horizon, minutes in enumerate(AHEAD_MIN):
            while cells * CELL_MIN < minutes:  # one after the other: a sum along an axis may round in another order
                total_w += now["cell_w"][:, cells]
                cells += 1
            duty = total_w / (np.float32(cells) * power_w)
            shed = np.maximum(np.float32(0), duty - self.rules.least_duty[rule, horizon])
            began = now["phase"][:, cells]
            sample = np.flatnonzero(np.isfinite(shed) & (began != UNKNOWN))
            at = (sample, began[sample], horizon)
            now["weight"][at] = now["weight"][at] * fade[sample] + np.float32(1)
            now["mean"][at] += (shed[sample] - now["mean"][at]) / now["weight"][at]
            now["square"][at] += (np.square(shed[sample]) - now["square"][at]) / now["weight"][at]
        return now

    def _tell(self, after: Records, rule: Ints, phase: Phases, fresh: Flags) -> Flexibility:
        """What can be shed as things stand after each minute; nothing of what is not observed or rests."""
        rules, known, now = self.rules, phase != UNKNOWN, after
        same = (np.arange(len(now)), np.maximum(phase, OFF))
        power_w = now["on_wmin"] / now["on_min"]
        mean, square = now["mean"][same].T, now["square"][same].T
        flex_w = np.stack((now["minute_w"], *(mean * power_w)))
        variance_w2 = np.stack((now["change_w2"], *(np.maximum(0, square - np.square(mean)) * np.square(power_w))))
        gross_w = np.stack((now["minute_w"] * _SHARED_NOW, *(mean * power_w + rules.least_duty[rule].T * power_w)))
        hours = np.array(HORIZONS_MIN, dtype=np.float32)[:, None] / np.float32(60)
        return Flexibility(
            fresh=fresh,
            flex_w=np.where(known, flex_w, np.float32(0)),
            variance_w2=np.where(known, variance_w2 * rules.circuits[rule], np.float32(0)),
            shared_w=np.where(known, gross_w * rules.shared_error[rule], np.float32(0)),
            rebound_wh=np.where(known, flex_w * hours * rules.rebound_share[rule], np.float32(0)),
        )


def _power_w(on_uj: Ints, observed_ms: Ints, known: Flags) -> Singles:
    """Mean power while on over the observed time; NaN where that is too short."""
    time_ms = np.maximum(observed_ms, 1).astype(np.float32)
    return np.where(known, on_uj.astype(np.float32) / (time_ms * _UJ_PER_W_MS), np.float32(np.nan))


def _learn_power(now: Records, minute: Minutes, settled: Flags) -> None:
    """Count a minute's on-time and energy; of a program that runs only at its end, so that P_on stays what it was."""
    now["program_on_min"] += minute.on_ms.astype(np.float32) / np.float32(MS_PER_MIN)
    now["program_on_wmin"] += minute.on_uj.astype(np.float32) / _UJ_PER_W_MIN
    now["on_min"] += np.where(settled, now["program_on_min"], np.float32(0))
    now["on_wmin"] += np.where(settled, now["program_on_wmin"], np.float32(0))
    now["program_on_min"] = np.where(settled, np.float32(0), now["program_on_min"])
    now["program_on_wmin"] = np.where(settled, np.float32(0), now["program_on_wmin"])
    kept = np.minimum(np.float32(1), _POWER_MEMORY_MIN / now["on_min"])
    now["on_min"] *= kept
    now["on_wmin"] *= kept


def _fill_cells(now: Records, minute: Minutes, phase: Phases) -> Ints:
    """Add a minute to its cell; which records' cells end with it. A cell is known if half of it was observed."""
    cell = (minute.minute - 1) // CELL_MIN
    same = cell == (now["minute"] - 1) // CELL_MIN
    now["observed_ms"] = np.where(same, now["observed_ms"], 0) + minute.observed_ms
    now["on_uj"] = np.where(same, now["on_uj"], 0) + minute.on_uj
    closed = np.flatnonzero(minute.minute % CELL_MIN == 0)
    if len(closed):
        ended, since = now[closed], cell[closed] - now["cell"][closed]
        known = ended["observed_ms"] * 2 >= CELL_MIN * MS_PER_MIN
        now["cell_w"][closed] = _shifted(ended["cell_w"], since, _power_w(ended["on_uj"], ended["observed_ms"], known))
        now["phase"][closed] = _shifted(ended["phase"], since, phase[closed], UNKNOWN)
        now["cell"][closed] = cell[closed]
    return closed


def _shifted(
    columns: npt.NDArray[np.generic], by: Ints, newest: npt.NDArray[np.generic], unknown: float = np.nan
) -> npt.NDArray[np.generic]:
    """Each row moved back by so many columns, with its newest value in front, unknown ones between. Shape (k, c)."""
    source = np.arange(columns.shape[1]) - by[:, None]
    moved = np.take_along_axis(columns, np.maximum(source, 0), axis=1)
    moved[source < 0] = unknown
    moved[:, 0] = newest
    return moved


def _first_of_each(key: Ints) -> Ints:
    """Index of the first element of each distinct key, in order of the keys."""
    _, first = np.unique(key, return_index=True)
    return first


def _turns(key: Ints) -> Iterator[Ints]:
    """Indexes in turns: each turn holds the next element of every key that has one left."""
    if len(key) == 0:
        return
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1]))
    turn = np.arange(len(key)) - np.repeat(first, np.diff(first, append=len(key)))
    by_turn = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.bincount(turn))
    for start, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
        yield order[by_turn[start:end]]
