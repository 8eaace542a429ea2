"""``--sample`` leaves out what it says, and nothing for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridflex.config import ROOT
from tests.support.examples import examples
from tests.support.sampling import Sampler

SERVERS = ("kafka", "spark", "zookeeper", "druid-broker", "druid-indexer")
TESTS = """
import pytest

@pytest.fixture(scope="module", params=["redd", "greend"])
def town(request):
    return request.param

@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["kafka", "spark", "druid"])
def test_kill(name):
    pass

@pytest.mark.sampled(1, pool="outages")
def test_all():
    pass

@pytest.mark.sampled(1, pool="outages")
def test_long():
    pass

@pytest.mark.sampled(1, by="town")
def test_energy(town):
    pass

@pytest.mark.sampled(1, by="town")
def test_power(town):
    pass

def test_always():
    pass
"""


def test_draw__gives_every_member_its_turn_and_the_same_for_the_same_seed() -> None:
    drawn = [tuple(Sampler(f"2026-11-{day:02}-abc").draw("kills", SERVERS, 2)) for day in range(1, 31)]
    assert {name for names in drawn for name in names} == set(SERVERS)
    assert {len(set(names)) for names in drawn} == {2}
    assert Sampler("2026-11-07-abc").draw("kills", SERVERS, 2) == list(drawn[6])
    assert Sampler("2026-11-07-abd").draw("kills", SERVERS, 2) != Sampler("2026-11-07-abe").draw("kills", SERVERS, 2)


def test_draw__without_a_seed_is_everything_and_tells_of_nothing() -> None:
    sampler = Sampler(None)
    assert sampler.draw("kills", SERVERS, 1) == list(SERVERS)
    assert sampler.told == {}


def test_draw__tells_what_was_left_out() -> None:
    sampler = Sampler("today")
    (chosen,) = sampler.draw("kills", SERVERS, 1)
    others = ", ".join(name for name in SERVERS if name != chosen)
    assert sampler.told == {"kills": f"{chosen} (not: {others})"}


def run(path: Path, *words: str) -> str:
    plugins = ("-p", "tests.support.sampling", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *plugins, "-v", str(path), *words]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("seed", "count"), [("", 10), ("2026-11-29-abc", 5)])
def test_run__prints_what_it_drew_and_takes_a_fixtures_tests_together(tmp_path: Path, seed: str, count: int) -> None:
    path = tmp_path / "test_pools.py"
    path.write_text(TESTS)
    told = run(path, f"--sample={seed}")
    passed = [line.split()[0].partition("::")[2] for line in told.splitlines() if " PASSED" in line]
    assert len(passed) == count
    assert "test_always" in passed
    towns = {town: [name for name in passed if f"[{town}]" in name] for town in ("redd", "greend")}
    assert set(map(len, towns.values())) == ({0, 2} if seed else {2})
    assert len([name for name in passed if name in {"test_all", "test_long"}]) == (1 if seed else 2)
    assert ("drawn by --sample" in told) == bool(seed)
    if seed:
        assert "outages: test_" in told
        assert "5 deselected" in told


@pytest.mark.parametrize(("seed", "tried"), [("", 100), ("2026-11-29-abc", 25)])
def test_examples__are_all_tried_unless_the_run_samples(monkeypatch: pytest.MonkeyPatch, seed: str, tried: int) -> None:
    monkeypatch.setenv("SAMPLE", seed)
    assert examples(100) == tried
    assert examples(6) == (6 if not seed else 5)
