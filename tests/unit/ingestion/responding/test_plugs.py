"""What called appliances take while they are off and afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.contracts.flexibility import load_rules
from gridflex.domain.readings import Floats
from tests.support.examples import examples
from tests.support.responding import Run, command, cycles, instants

REBOUND = {rule.appliance: rule.rebound_share for rule in load_rules().rows if not rule.dataset}
WS_PER_READING = 10.0


def at(minutes: float) -> int:
    """The first reading at or after so many minutes."""
    return instants(minutes)


def columns(*power_w: Floats) -> Floats:
    return np.stack(power_w, axis=1)


def test_off__is_off_in_its_off_run_and_nowhere_else() -> None:
    would_w = columns(cycles(60, 60, 0, 120.0))
    used_w = Run("fridge").take(command("fridge", 10, 25)).play(would_w)
    off = used_w[:, 0] == 0
    assert off.nonzero()[0].tolist() == list(range(at(10) - 1, at(25) - 1))
    assert (used_w[: at(10) - 1] == 120).all()


def test_cold__that_was_withheld_is_made_up_for_at_the_compressors_power() -> None:
    would_w = columns(cycles(180, 20, 40, 100.0, 3.0))
    used_w = Run("fridge").take(command("fridge", 0, 30)).play(would_w)
    withheld_ws = (would_w[: at(30) - 1] >= 50).sum() * 100.0 * WS_PER_READING
    extra_ws = (used_w - would_w)[at(30) - 1 :].sum() * WS_PER_READING
    assert extra_ws == pytest.approx(withheld_ws * REBOUND["fridge"])
    after = used_w[at(30) - 1 :, 0]
    assert after.max() <= 100.0 + 1e-9
    assert (after[: at(19)] == 100).all(), "it runs at once, until nothing is owed"
    assert (used_w[at(65) :] == would_w[at(65) :]).all()


def test_heat__that_runs_all_the_time_has_nothing_to_make_up_for() -> None:
    would_w = columns(cycles(400, 400, 0, 1500.0))
    used_w = Run("electric_heat").take(command("electric_heat", 0, 30)).play(would_w)
    assert (used_w[at(30) :] == 1500).all()


def test_two_off_runs__owe_what_both_withheld() -> None:
    would_w = columns(cycles(240, 20, 40, 100.0))
    run = Run("fridge").take(command("fridge", 0, 30), command("fridge", 45, 75))
    used_w = run.play(would_w)
    held = np.r_[0 : at(30) - 1, at(45) - 1 : at(75) - 1]
    withheld_ws = would_w[held].sum() * WS_PER_READING
    assert (used_w[held] == 0).all()
    assert (used_w.sum() - would_w.sum()) * WS_PER_READING == pytest.approx(-withheld_ws * (1 - REBOUND["fridge"]))


def test_program__goes_on_where_it_stopped() -> None:
    program = np.r_[np.full(20, 2000.0), np.full(30, 150.0), np.full(10, 0.0), np.full(24, 600.0)]
    would_w = np.full(instants(120), 1.0)
    would_w[30 : 30 + len(program)] = program
    used_w = Run("washing_machine").take(command("washing_machine", 7, 22)).play(columns(would_w))[:, 0]
    stop, go = at(7) - 1, at(22) - 1
    assert (used_w[:stop] == would_w[:stop]).all()
    assert (used_w[stop:go] == 0).all()
    rest = len(program) - (stop - 30)
    assert used_w[go : go + rest] == pytest.approx(program[stop - 30 :])
    assert (used_w[go + rest + at(4) :] == 1).all()


def test_program__that_would_begin_while_it_is_off_begins_afterwards() -> None:
    would_w = np.full(instants(90), 0.5)
    would_w[at(20) : at(40)] = 2000.0
    used_w = Run("dishwasher").take(command("dishwasher", 5, 30)).play(columns(would_w))[:, 0]
    assert (used_w[: at(30) - 1] < 1).all()
    assert (used_w == 2000).sum() == at(20)
    assert np.diff((used_w == 2000).astype(int)).tolist().count(1) == 1


def test_mains__fall_by_what_the_houses_appliances_take_less() -> None:
    fridge, washer = cycles(120, 20, 40, 100.0, 2.0), cycles(120, 60, 60, 900.0)
    leg = 400 + (fridge + washer) / 2
    run = Run("mains", "mains", "fridge", "washer_dryer").take(command("fridge", 5, 30), command("washer_dryer", 5, 40))
    would_w = columns(leg, leg, fridge, washer)
    used_w = run.play(would_w)
    short_w = (would_w - used_w)[:, 2:].sum(axis=1)
    mains_short_w = (would_w - used_w)[:, :2].sum(axis=1)
    assert np.abs(short_w).max() > 800
    assert mains_short_w[1:] == pytest.approx(short_w[:-1], abs=0.02), "by the last reading of each appliance"


def test_gap__ends_no_state_and_no_energy() -> None:
    run = Run("fridge").take(command("fridge", 0, 20))
    run.play(columns(cycles(10, 10, 0, 100.0)))
    run.clock_ms += 15 * 60_000
    used_w = run.play(columns(np.full(instants(30), 1.0)))
    assert used_w[0, 0] == 100, "it makes up for what was withheld before the gap"


@settings(max_examples=examples(12))
@given(
    rows=st.integers(3, 50),
    restart_every=st.integers(1, 9),
    on_min=st.floats(2, 30),
    off_min=st.floats(2, 60),
    runs=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30)), max_size=3),
)
def test_play__is_the_same_in_slices_of_any_size_and_after_restarts(
    rows: int, restart_every: int, on_min: float, off_min: float, runs: list[tuple[int, int]]
) -> None:
    names = ("mains", "fridge", "washing_machine")
    fridge, washer = cycles(120, on_min, off_min, 110.0, 2.0), cycles(120, 2 * off_min, on_min, 700.0, 0.5)
    would_w = columns(50 + fridge + washer, fridge, washer)
    commands = [command(name, start, start + length) for name in names[1:] for start, length in runs]
    whole = Run(*names, rows=len(would_w)).take(*commands)
    expected_w = whole.play(would_w)
    sliced = Run(*names, rows=rows).take(*commands)
    step, parts = rows * restart_every, []
    for first in range(0, len(would_w), step):
        parts.append(sliced.play(would_w[first : first + step]))
        sliced.restart()
    assert (np.concatenate(parts) == expected_w).all()
    whole.look(None)
    sliced.look(None)
    key = ("appliance_id", "interval_start")
    ordered = [sorted(run.lines, key=lambda line: [line[name] for name in key]) for run in (whole, sliced)]
    assert [[line[name] for name in key] for line in ordered[0]] == [
        [line[name] for name in key] for line in ordered[1]
    ]
    for expected, found in zip(*ordered, strict=True):
        assert found["true_shed_w"] == pytest.approx(expected["true_shed_w"], abs=2e-6)
    answers = [
        sorted((one.time_ms, one.series, one.command.command_id, one.result) for one in run.answers)
        for run in (whole, sliced)
    ]
    assert answers[0] == answers[1]
