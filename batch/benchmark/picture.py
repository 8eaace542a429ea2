"""Draws the baseline benchmark: each method's error and bias, and one day's baselines against the meter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from batch.benchmark.baseline_benchmark import BaselineBenchmark
from gridflex.domain.baseline import profiles
from gridflex.domain.readings import Floats
from gridflex.errors import UsageError

_METER = "#222222"
_BEST = "#0b6e4f"
_OTHER = "#b7bcc2"
_NAMED = {"igrid_last_5": "#2f6db5", "high_5_of_10_raw": "#c8553d"}
_INVENTS, _HIDES = "#c8553d", "#2f6db5"


def draw(result: BaselineBenchmark, path: Path, title: str) -> None:
    """Write a PNG. It shows the day on which the recommended method's error is its median.

    Raises ``UsageError`` when the file cannot be written.
    """
    figure = Figure(figsize=(13.5, 6.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    _errors(left, result)
    _one_day(right, result)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    try:
        figure.savefig(path, dpi=120, format="png")
    except OSError as error:
        raise UsageError(f"--picture {path}: cannot be written: {error.strerror or error}") from None


def _errors(axes: Axes, result: BaselineBenchmark) -> None:
    found = [one for one in result.scores.values() if one.windows]
    found.sort(key=lambda one: -one.cvrmse)
    rows = np.arange(len(found))
    cvrmse = [100 * one.cvrmse for one in found]
    bias = [100 * one.nmbe for one in found]
    colours = [_BEST if one.method == result.recommended else _OTHER for one in found]
    axes.barh(rows, cvrmse, color=colours, height=0.62)
    axes.scatter(bias, rows, s=46, zorder=3, c=[_INVENTS if one > 0 else _HIDES for one in bias], edgecolors="white")
    axes.axvline(0, color=_METER, linewidth=0.8)
    for row, (error, off) in enumerate(zip(cvrmse, bias, strict=True)):
        axes.annotate(
            f"{error:.1f} %   {off:+.1f} %",
            (max(error, off), row),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(rows, [one.method for one in found], fontsize=9)
    low, high = min(0.0, *bias), max(*cvrmse, *bias)
    axes.set_xlim(low - 0.05 * (high - low), high + 0.3 * (high - low))
    axes.set_xlabel("% of the mean load in the window")
    axes.set_title("Bar: CVRMSE.  Dot: bias (red invents energy, blue hides it)", fontsize=10, loc="left")
    _quiet(axes)


def _one_day(axes: Axes, result: BaselineBenchmark) -> None:
    slice_index, target = _typical(result)
    loads = result.loads.part(slice_index, slice_index + 1)
    best = result.recommended or ""
    found = profiles(loads, result.window, np.array([target]), np.arange(loads.slots))
    lines = {name: values[0, 0] * loads.kw_per_kwh for name, values in found.items() if np.isfinite(values).any()}
    if best in result.baselines and best not in found:
        lines[best] = np.full(loads.slots, np.nan)
        inside = result.baselines[best][slice_index, int(np.searchsorted(result.targets, target))]
        lines[best][result.window.first : result.window.stop] = inside * loads.kw_per_kwh
    first, stop = result.window.first / loads.per_hour, result.window.stop / loads.per_hour
    axes.axvspan(first, stop, color="#f3e9d2", zorder=0)
    others = [name for name in lines if name not in {*_NAMED, best}]
    for index, name in enumerate(others):
        _line(axes, lines[name], _OTHER, 0.9, "_nolegend_" if index else "other methods")
    for name, colour in _NAMED.items():
        if name in lines and name != best:
            _line(axes, lines[name], colour, 1.3, name)
    if best in lines:
        _line(axes, lines[best], _BEST, 2.2, f"{best} (recommended)")
    _line(axes, loads.kwh[0, target] * loads.kw_per_kwh, _METER, 2.0, "meter")
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 3))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("local hour")
    axes.set_ylabel("kW")
    day = loads.date(target)
    axes.set_title(f"{loads.names[0]}, {day}: a day of median error (event window shaded)", fontsize=10, loc="left")
    axes.legend(fontsize=8.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=3)
    _quiet(axes)


def _line(axes: Axes, power_kw: Floats, colour: str, width: float, label: str) -> None:
    edges = np.linspace(0, 24, len(power_kw) + 1)
    axes.stairs(power_kw, edges, color=colour, linewidth=width, label=label, baseline=None)


def _typical(result: BaselineBenchmark) -> tuple[int, int]:
    """Slice and day index on which the recommended method errs as it usually does."""
    values: Floats = result.baselines[result.recommended] if result.recommended else result.actual
    off = np.abs(values.sum(axis=2) - result.actual.sum(axis=2))
    known = np.argwhere(np.isfinite(off))
    if len(known) == 0:
        return 0, int(result.targets[-1])
    order = np.argsort(off[known[:, 0], known[:, 1]])
    slice_index, day = known[order[len(order) // 2]]
    return int(slice_index), int(result.targets[day])


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
