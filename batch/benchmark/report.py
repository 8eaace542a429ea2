"""Formats the results of the baseline benchmark: a table for a person, JSON for a script."""

from __future__ import annotations

import json
import math

from batch.benchmark.baseline_benchmark import BaselineBenchmark
from batch.benchmark.loads import Found
from gridflex.domain.baseline import Gate

ENOUGH_TESTED = 50
FIELDS = (
    "method",
    "cvrmse",
    "nmbe",
    "rrmse",
    "median_abs_error",
    "coverage_90",
    "placebo_days",
    "width_90",
    "coverage_90_event_like",
    "nmbe_event_like",
)


def as_json(result: BaselineBenchmark) -> str:
    """One array: an object of ``FIELDS`` a method, shares as fractions; null where a method gives no number.

    The recommended method's object has ``recommended: true`` besides.
    """
    rows: list[dict[str, float | int | str | None]] = []
    for name, found in result.scores.items():
        row = {field: _plain(getattr(found, field)) for field in FIELDS}
        rows.append(row | {"recommended": True} if name == result.recommended else row)
    return json.dumps(rows, indent=1)


def as_table(result: BaselineBenchmark) -> str:
    """A table of methods and measures, with a note on how to read them."""
    width = max(len(name) for name in result.scores) + 2
    gate = Gate()
    head = (
        f"{'method':<{width}}{'CVRMSE':>8}{'bias':>9}{'RRMSE':>8}{'median':>8}{'in 90 %':>9}{'width':>9}"
        f"{'like: in':>10}{'bias':>9}{'days':>6}  gate"
    )
    lines = [head, "-" * len(head)]
    for name, found in result.scores.items():
        label = f"{name} *" if name == result.recommended else name
        verdict = "no number" if not found.windows else "pass" if gate.passes(found) else "fail"
        lines.append(
            f"{label:<{width}}{_percent(found.cvrmse):>8}{_percent(found.nmbe, sign=True):>9}{_percent(found.rrmse):>8}"
            f"{_percent(found.median_abs_error):>8}{_percent(found.coverage_90):>9}{_percent(found.width_90):>9}"
            f"{_percent(found.coverage_90_event_like):>10}{_percent(found.nmbe_event_like, sign=True):>9}"
            f"{found.placebo_days:>6}  {verdict}"
        )
    lines += [
        "",
        "* recommended: the least error of a season of 20 events, sqrt(bias^2 + RRMSE^2 / 20).",
        "bias: baseline over meter; + invents energy, - hides it.  median: of whole windows.  in 90 %: windows inside",
        "their conformal interval, and its mean width.  like: windows of days such as events are called on (in, bias).",
        f"gate: RRMSE <= {gate.rrmse:.0%}, |bias| <= {gate.bias:.0%}.",
    ]
    return "\n".join(lines)


def about_data(found: Found) -> list[str]:
    """Lines about the data: what was read and what was wrong with it."""
    head = f"read {found.rows:,} rows of {len(found.loads.names)} slice(s); {'; '.join(found.notes)}"
    return [head, *found.defects.lines()]


def about_scores(result: BaselineBenchmark, scored: str) -> list[str]:
    """Lines about the scores: what was scored and what has no number."""
    first, last = result.loads.date(int(result.targets[0])), result.loads.date(int(result.targets[-1]))
    lines = [f"scored: {scored}; {len(result.targets)} placebo weekdays from {first} to {last}"]
    tested = max(one.tested for one in result.scores.values())
    if tested < ENOUGH_TESTED:
        lines.append(f"'in 90 %' rests on {tested} window(s) alone: it proves little")
    return [*lines, *result.notes]


def _plain(value: float | int | str) -> float | int | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _percent(value: float, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{100 * value:+.1f} %" if sign else f"{100 * value:.1f} %"
