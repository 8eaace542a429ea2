"""No damage to a file ends in a traceback: what cannot be read is an error of ours, and what is read is in order.

MUTATED_FILES=10000 .venv/bin/python -m pytest tests/unit/ingestion/feeds/test_mutations.py
"""

from __future__ import annotations

import json
import logging
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gridflex.config import Config
from gridflex.errors import GridflexError
from ingestion.duty_cycles import activations
from ingestion.feeds import open_reader
from tests.support.examples import examples

FILES = examples(int(os.environ.get("MUTATED_FILES", "60")))
"""Of each format."""
ENOUGH = 1000
"""Of so many damaged files, some cannot be read and some can; of a few, all may be read."""
SEED = os.environ.get("SAMPLE", "")
"""Each run that samples damages the files in other ways."""
A, B = b"000D6F0000000001", b"000D6F0000000002"
TOKENS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"\r\n", b"\n", b"\n\n", b" ", b"\t", b",", b";", b"-", b"+",
    b".", b"e", b"1e999", b"nan", b"inf", b"NULL", b"0x10", b"1_000", "\u0663".encode(), b"9" * 30, b"9" * 5000,
    b"timestamp", b"timestamp," + A + b"," + B + b"\n", b"timestamp," + B + b"," + A + b"\n", b"\"", b"'", b"{", b"}",
    b"[", b"]", b":", b"[" * 3000, b"null", b"true", b"1", b"4070908800 5.00\n", b"0 5\n", b"-5 5\n",
    b"1303084800000 5\n", b"9223372036854775807 5\n", b"\\ud800", b"\\u0000", b"/", b"..",
]  # fmt: skip


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 3, 20])):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(TOKENS) * rng.choice([1, 1, 1, 2, 7])


def _replace(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    data[start : start + rng.choice([1, 2, 10])] = rng.choice(TOKENS)


def _delete(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice([1, 1, 8, 100, 5000])]


def _repeat(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    data[start:start] = data[start : start + rng.choice([1, 8, 100, 3000])] * rng.choice([1, 2, 5])


def _reorder_lines(data: bytearray, rng: random.Random) -> None:
    lines = bytes(data).splitlines(keepends=True)
    start = rng.randrange(len(lines) + 1)
    part = lines[start : start + rng.choice([2, 30, 2000])]
    rng.shuffle(part) if rng.random() < 0.5 else part.reverse()
    lines[start : start + len(part)] = part
    data[:] = b"".join(lines)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _encode(data: bytearray, rng: random.Random) -> None:
    data[:] = bytes(data).decode("latin-1").encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]))


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    _flip, _insert, _replace, _delete, _repeat, _reorder_lines, _cut, _insert, _replace, _encode,
]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        rng.choice(MUTATIONS)(changed, rng)
    return bytes(changed)


def redd(root: Path, kind: str) -> Path:
    rng = np.random.default_rng(3)
    folder = root / "low_freq/house_1"
    folder.mkdir(parents=True)
    rows = 1500 if kind == "channel_3.dat" else 100
    times = 1_303_084_800 + np.cumsum(rng.choice([3, 4], rows))
    power = np.where(np.arange(rows) // 60 % 2, 150.0, 2.0)
    lines = [b"%d %.2f\n" % pair for pair in zip(times.tolist(), power.tolist(), strict=True)]
    (folder / "channel_3.dat").write_bytes(b"".join(lines))
    (folder / "channel_12.dat").write_bytes(b"".join(lines[:20]))
    (folder / "labels.dat").write_bytes(b"1 mains\n3 refrigerator\n12 dishwaser\n")
    return folder / kind


def greend(root: Path, kind: str) -> Path:
    folder = root / "building0"
    folder.mkdir(parents=True)
    text = [b"timestamp,%s,%s\n" % (A, B)]
    text += [b"%.3f,%d.0,%s\n" % (1_386_374_400.1 + row, row // 90 % 2 * 120, b"NULL" if row % 50 == 3 else b"5")
             for row in range(600 if kind == "dataset_2013-12-07.csv" else 100)]  # fmt: skip
    (folder / "dataset_2013-12-07.csv").write_bytes(b"".join(text))
    (root / "labels.json").write_text(
        json.dumps({"building0": ["fridge", "tv"], "building1": ["W\u00e4rme", "kettle"]})
    )
    return root / kind if kind == "labels.json" else folder / kind


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (redd, "channel_3.dat"), (redd, "labels.dat"), (greend, "dataset_2013-12-07.csv"), (greend, "labels.json"),
    ],
)  # fmt: skip
def test_damage__never_ends_in_a_traceback(tmp_path: Path, make: Callable[[Path, str], Path], kind: str) -> None:
    logging.disable(logging.WARNING)
    file = make(tmp_path, kind)
    sound, outcomes = file.read_bytes(), Counter[str]()
    for number in range(FILES):
        rng = random.Random(zlib.crc32(f"{kind} {number}{SEED}".encode()))
        file.write_bytes(mutated(sound, rng))
        try:
            outcomes[_read(tmp_path, make.__name__)] += 1
        except GridflexError as problem:
            outcomes["error" if "\n" not in str(problem) and len(str(problem)) < 2000 else str(problem)] += 1
        except Exception as problem:
            kept = tmp_path.parent / f"{kind}-{number}"
            kept.write_bytes(file.read_bytes())
            raise AssertionError(f"{kept}: {problem!r}") from problem
    logging.disable(logging.NOTSET)
    assert set(outcomes) <= {"error", "read"}
    assert FILES < ENOUGH or len(outcomes) == 2


def _read(root: Path, dataset: str) -> str:
    """Everything that a replay and ``duty-cycles`` do with a data set."""
    config = Config()
    reader = open_reader(dataset, root, houses=None, readings=config.readings)
    first_ms, last_ms = reader.span_ms()
    times = [block.source_time_ms for block in reader.blocks()]
    together = np.concatenate(times)
    assert np.all(np.diff(together) >= 0)
    assert first_ms <= together[0] <= together[-1] <= last_ms
    for _ in activations(reader, config, Counter()):
        pass
    return "read"
