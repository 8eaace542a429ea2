"""Damaged files of every layout end in numbers or in one line that says why, never in a traceback.

``TEST_MUTATIONS``: how many damaged files of each layout, 200 without it. A damaged file is told by layout and seed.
"""

import datetime as dt
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest

from batch.benchmark.baseline_benchmark import exclude, run_benchmark, together
from batch.benchmark.loads import FORMATS
from gridflex.domain.baseline import EventWindow
from gridflex.errors import GridflexError

MUTATIONS = int(os.environ.get("TEST_MUTATIONS", "200"))
SCORED_EVERY = 10
START = dt.datetime(2013, 3, 1)  # noqa: DTZ001 - wall clock of the layouts
TOKENS = (
    "", " ", "NA", "nan", "null", "inf", "-inf", "1e308", "-1", "-0", "0,5", "x", "#", '"', '""', "é", "−5", "١",
    "\x00", ";", "1970-01-01T00:00:00+00:00", "2200-01-01 00:00:00", "9999-12-31T23:59:59Z", "0001-01-01", "1364774400",
    "29/02/2013", "13/13/2013", "24", "2013-03-31 01:30:00", "2013-03-10T05:00:00+99:99", "99999999999999999999",
    "1e-320", "True",
)  # fmt: skip
BYTES = (b"\x00", b"\xff", b"\xc3", b",", b'"', b"\n", b"\r", b";", b"-", b"9", b" ", b"\xef\xbb\xbf", b"\x1a")

Files = dict[str, bytes]


def _hours(days: int, step: dt.timedelta) -> list[dt.datetime]:
    return [START + n * step for n in range(int(dt.timedelta(days=days) / step))]


def _kwh(when: dt.datetime) -> str:
    return f"{0.5 + abs(when.hour - 13) / 20 + when.day % 3 / 10:.3f}"


def _text(head: str, rows: list[str]) -> bytes:
    return "\n".join([head, *rows] if head else rows).encode() + b"\n"


def _csv() -> Files:
    hours = _hours(14, dt.timedelta(hours=1))
    rows = [f"h{n},{w.isoformat()}+01:00,{_kwh(w)},{n + w.hour / 2}" for n in (1, 2) for w in hours]
    return {"a.csv": _text("slice,interval_start,energy_kwh,temperature_c", rows)}


def _lcl() -> Files:
    hours = _hours(7, dt.timedelta(minutes=30))
    rows = [f"MAC{n},{t},{w:%d/%m/%Y %H:%M:%S}, {_kwh(w)} ,A,B" for n, t in ((1, "Std"), (2, "ToU")) for w in hours]
    weather = [f"{w.hour / 2},{w}" for w in hours[::2]]
    return {
        "a.csv": _text("LCLid,stdorToU,DateTime,KWH/hh (per half hour) ,Acorn,Acorn_grouped", rows),
        "uk_bank_holidays.csv": _text("Bank holidays,Type", ["29/3/2013,Good Friday", "3/29/2013,again"]),
        "weather_hourly_darksky.csv": _text("temperature,time", weather),
        "Tariffs_table.csv": _text("TariffDateTime,Tariff", [f'"{w}","High"' for w in hours[:4]]),
    }


def _lcl_hourly() -> Files:
    hours = _hours(14, dt.timedelta(hours=1))
    rows = [f"MAC1,{w.day},{w.month},{w.year},{w.hour},No,Rich,{w.hour / 2},{_kwh(w)}" for w in hours]
    head = "ID_House,Day,Month,Year,Hour,Holiday,Acorn_Group,Temperature,kWh"
    households = _text("LCLid,stdorToU,Acorn,Acorn_grouped,file", ["MAC1,Std,A,B,c"])
    return {"MAC1/MAC1.csv": _text(head, rows), "informations_households.csv": households}


def _loadshape() -> Files:
    hours = _hours(7, dt.timedelta(minutes=15))
    return {
        "s_kw.csv": _text("", [f"{w},{_kwh(w)}" for w in hours]),
        "s_temp.csv": _text("", [f"{w},{50 + w.hour}" for w in hours[::4]]),
        "s_dr_days.csv": _text("", ["2013-03-05 14:00:00, 2013-03-05 16:00:00", "# none", "2013-03-06,2013-03-06"]),
    }


LAYOUTS: dict[str, Callable[[], Files]] = {
    "csv": _csv,
    "lcl": _lcl,
    "lcl-hourly": _lcl_hourly,
    "loadshape": _loadshape,
}


def _damage_bytes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    more = random.choice(BYTES)
    return random.choice(
        (data[:at] + more + data[at:], data[:at] + more + data[at + 1 :], data[:at] + data[at + 1 :], data[:at])
    )


def _damage_cell(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    cells = lines[at].split(b",")
    cells[random.randrange(len(cells))] = random.choice(TOKENS).encode()
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def _damage_lines(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    first = random.randrange(len(lines))
    stop = min(first + random.choice((1, 1, 5, 100)), len(lines))
    block = lines[first:stop]
    other = random.choice(
        ([], block * 2, block[::-1], [b""], [lines[0]], [b"".join(block)], [line + b"," for line in block],
         [line.rpartition(b",")[0] for line in block], [b",".join(line.split(b",")[::-1]) for line in block])
    )  # fmt: skip
    return b"\n".join([*lines[:first], *other, *lines[stop:]])


def _damage_whole(data: bytes, random: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return random.choice(
        (b"\xef\xbb\xbf" + data, text.encode("utf-16"), text.encode("utf-32"), data.replace(b"\n", b"\r\n"), b"", b"\n",
         data.replace(b"\n", b"\r"), data.replace(b",", b";"), data.replace(b".", b","), b"title\n" + data, data + data,
         data.replace(b"2013", b"1970"), data.replace(b"2013", b"9999"), data.replace(b",0.", b",-0."), data[:200])
    )  # fmt: skip


def _damaged(files: Files, random: Random) -> Files:
    found = dict(files)
    for _ in range(random.randint(1, 4)):
        name = random.choice([*found, next(iter(found))])
        ways = (_damage_bytes, _damage_cell, _damage_cell, _damage_lines, _damage_whole)
        found[name] = random.choice(ways)(found[name], random)
    return found


def _write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_damaged_files__end_in_numbers_or_in_a_reason(layout: str, tmp_path: Path) -> None:
    files = LAYOUTS[layout]()
    folder = tmp_path / "MAC1" if layout == "lcl-hourly" else tmp_path
    answered = 0
    for seed in range(MUTATIONS):
        _write(tmp_path, _damaged(files, Random(f"{layout} {seed}")))
        reason = _reason(partial(_read, layout, folder, scored=seed % SCORED_EVERY == 0), f"{layout} seed {seed}")
        answered += not reason
        assert not reason or len(reason) > 30, f"{layout} seed {seed}: {reason}"
    assert answered > MUTATIONS / 4, "most damage leaves something to read"


def _read(layout: str, folder: Path, *, scored: bool) -> None:
    loads = FORMATS[layout](folder).loads
    known = loads.kwh[~np.isnan(loads.kwh)]
    assert len(known)
    assert ((known >= 0) & (known <= 1e9)).all()
    if scored:
        run_benchmark(together(loads)[0], EventWindow.parse("00:00-24:00", loads.slots))


def _reason(attempt: Callable[[], object], what: str) -> str:
    """The one line that ends an attempt; empty when it succeeds."""
    try:
        attempt()
    except GridflexError as error:
        return str(error) if "\n" not in str(error) else pytest.fail(f"{what}: {error}")
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
    return ""


def test_damaged_lists_of_excluded_days__are_read_or_told(tmp_path: Path) -> None:
    _write(tmp_path, _csv())
    loads = FORMATS["csv"](tmp_path).loads
    file = tmp_path / "days.txt"
    for seed in range(MUTATIONS):
        damaged = _damaged({file.name: b"# events\n2013-03-05\n2013-03-06,h1  # one\n"}, Random(f"days {seed}"))
        _write(tmp_path, damaged)
        reason = _reason(partial(exclude, loads, file), f"days seed {seed}")
        assert not reason or file.name in reason
