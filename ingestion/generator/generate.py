"""Writes a whole synthetic data set and the ground truth beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from gridflex.domain.readings import EARLIEST_SOURCE_MS, LATEST_SOURCE_MS, MS_PER_S
from gridflex.errors import UsageError
from ingestion.generator import greend_files, redd_files
from ingestion.generator.greend_files import write_greend
from ingestion.generator.ground_truth import truth_lines
from ingestion.generator.house import MeteredHouse, plan_house
from ingestion.generator.occupancy import DAY_S
from ingestion.generator.redd_files import write_redd
from ingestion.generator.sampling import Span

DATASETS = ("greend", "redd")
FIRST_DAY = {"redd": date(2011, 7, 4), "greend": date(2013, 12, 9)}
"""Mondays within the real data sets' years."""
TRUTH = "truth.jsonl"
SPEC_FILE = "order.json"
ONE_DAY = timedelta(days=1)
STRAY_DAYS = 1
"""Days around those ordered that files may be named by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """The spec of a data set. All whole UTC days; the same spec gives the same bytes."""

    dataset: str
    out: Path
    houses: int
    days: int
    seed: int
    start: date
    defects: float = 1.0
    """Scales the rates of all defects; 0: none."""
    lead_days: int = 0
    """Days before ``start`` that the houses have lived already: planned, not written. ``lead_days`` computes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of ``generate``."""

    dataset: str
    houses: int
    days: int
    readings: int
    """Good readings in the files."""
    activations: int
    path: str

    def to_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self))


def generate(spec: GeneratorSpec, on_progress: Callable[[], object] = lambda: None) -> Summary:
    """Write the data set; ``on_progress`` is called after each day of a house.

    Raises ``UsageError`` if ``out`` is in use.
    """
    if spec.dataset not in DATASETS:
        raise UsageError(f"unknown data set {spec.dataset!r}; known: {', '.join(DATASETS)}")
    if spec.out.exists() and (not spec.out.is_dir() or any(spec.out.iterdir())):
        raise UsageError(f"{spec.out} is there already and not empty; give a new folder")
    refuse_impossible_days(spec)
    try:
        spec.out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"--out {spec.out} cannot be made: {problem.strerror or problem}") from None
    start_s = first_second(spec)
    told = {key: value for key, value in asdict(spec).items() if key != "out"}
    (spec.out / SPEC_FILE).write_text(json.dumps(told, default=str) + "\n", encoding="utf-8")
    readings = activations = 0
    labels: dict[str, list[str]] = {}
    with (spec.out / TRUTH).open("w", encoding="utf-8") as truth:
        for number in range(spec.houses):
            house = planned(spec, number)
            labels[f"building{number}"] = house.labels(typos=spec.defects > 0)
            count, lines = _write(house, spec, start_s, on_progress)
            truth.writelines(line + "\n" for line in lines)
            readings, activations = readings + count, activations + len(lines)
    if spec.dataset == "greend":
        (spec.out / "labels.json").write_text(json.dumps(labels, indent=2) + "\n", encoding="utf-8")
    return Summary(
        dataset=spec.dataset,
        houses=spec.houses,
        days=spec.days,
        readings=readings,
        activations=activations,
        path=str(spec.out),
    )


def refuse_impossible_days(spec: GeneratorSpec) -> None:
    """Raises ``UsageError`` if some day of the spec, or its lead days, lies in years that the readers reject."""
    first, end = (datetime.fromtimestamp(ms / MS_PER_S, tz=UTC).date() for ms in (EARLIEST_SOURCE_MS, LATEST_SOURCE_MS))
    lead, days = (spec.start - first).days, (end - spec.start).days
    if spec.lead_days + STRAY_DAYS > lead or spec.days + STRAY_DAYS > days:
        raise UsageError(
            f"--start {spec.start} with --days {spec.days} and --lead-days {spec.lead_days}: all days must lie "
            f"between {first + STRAY_DAYS * ONE_DAY} and {end - (STRAY_DAYS + 1) * ONE_DAY}; a meter's time outside is "
            "taken for damage"
        )


def planned(spec: GeneratorSpec, number: int) -> MeteredHouse:
    """One house of a spec, from 0, over its lead days and its days."""
    start_s = first_second(spec) - spec.lead_days * DAY_S
    return plan_house(spec.dataset, number, seed=spec.seed, start_s=start_s, days=spec.lead_days + spec.days)


def first_second(spec: GeneratorSpec) -> int:
    """Midnight UTC of the first day that is written, epoch."""
    return int(datetime.combine(spec.start, time(), tzinfo=UTC).timestamp())


def read_spec(out: Path) -> GeneratorSpec:
    """The spec that a data set was generated from. Raises ``UsageError`` if it was not generated."""
    if not (out / SPEC_FILE).is_file():
        raise UsageError(f"no {SPEC_FILE} in {out}: it was not made by `gridflex generate`")
    try:
        found = json.loads((out / SPEC_FILE).read_text(encoding="utf-8"))
        return GeneratorSpec(**found | {"out": out, "start": date.fromisoformat(found["start"])})
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise UsageError(f"{out / SPEC_FILE} is not as `gridflex generate` wrote it: {problem}") from None


def discard(out: Path) -> None:
    """Remove what an earlier ``generate`` left in ``out``, and nothing else."""
    if (out / TRUTH).is_file():
        for entry in [out / "low_freq", *out.glob("building*")]:
            shutil.rmtree(entry, ignore_errors=True)
        (out / "labels.json").unlink(missing_ok=True)
        (out / SPEC_FILE).unlink(missing_ok=True)
        (out / TRUTH).unlink()


def _write(
    house: MeteredHouse, spec: GeneratorSpec, start_s: int, on_progress: Callable[[], object]
) -> tuple[int, list[str]]:
    """One house's files; how many good readings they hold, and its lines of truth."""
    write = write_redd if spec.dataset == "redd" else write_greend
    readings: int
    holes: list[list[Span]]
    readings, holes = write(
        house, spec.out, start_s=start_s, days=spec.days, defects=spec.defects, on_progress=on_progress
    )
    first = redd_files.FIRST_CHANNEL if spec.dataset == "redd" else greend_files.FIRST_CHANNEL
    name = str(house.number + 1) if spec.dataset == "redd" else str(house.number)
    return readings, list(truth_lines(house, name=name, first_channel=first, holes=holes, since_s=start_s))
