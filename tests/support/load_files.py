"""Files of interval loads, as users have them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.support.simulated.demand import Town, simulate


def write_load_csv(path: Path, town: Town) -> None:
    """Homes by the hour as ``gridflex bakeoff --format csv`` reads them, with an offset of one hour."""
    demand = simulate(town)
    start = dt.datetime.combine(demand.date(0), dt.time(), dt.timezone(dt.timedelta(hours=1)))
    rows = ["slice,interval_start,energy_kwh,temperature_c"]
    for name, kwh in zip(demand.names, demand.kwh, strict=True):
        for hour, energy in enumerate(kwh.ravel()):
            peak = demand.peak_temperature_c[hour // 24]
            rows.append(f"{name},{(start + dt.timedelta(hours=hour)).isoformat()},{energy:.6f},{peak:.2f}")
    path.write_text("\n".join(rows) + "\n")


def write_lcl_hourly(folder: Path, town: Town) -> None:
    """Homes in Low Carbon London's hourly layout, a file each."""
    demand = simulate(town)
    folder.mkdir(parents=True)
    for place, kwh in enumerate(demand.kwh):
        name = f"MAC{place:06}"
        rows = ["ID_House,Day,Month,Year,Hour,kWh"]
        for hour, energy in enumerate(kwh.ravel()):
            day = demand.date(hour // 24)
            rows.append(f"{name},{day.day},{day.month},{day.year},{hour % 24},{energy:.6f}")
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
