"""Which readings of new series are taken in, and which series are forgotten."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_processing.state.roster import Bounds, Roster, from_bytes, no_roster, to_bytes

BOUNDS = Bounds(forget_after_s=3600, new_per_min=3, most=7)
Arrival = tuple[int, int]
"""Series and minute."""


def admitted(arrivals: list[Arrival], cuts: list[int]) -> tuple[list[bool], Roster]:
    """Whether each reading is refused, in batches cut as told; the roster after them."""
    roster, known, refused = no_roster(), set[int](), list[bool]()
    ends = [0, *sorted({min(cut, len(arrivals)) for cut in cuts}), len(arrivals)]
    for start, end in itertools.pairwise(ends):
        batch = arrivals[start:end]
        series = np.array([-1 if one in known else one for one, _ in batch], dtype=np.int64)
        late, roster = roster.admit(series, np.array([minute for _, minute in batch], dtype=np.int64), BOUNDS)
        new = {one for (one, _), is_late in zip(batch, late.tolist(), strict=True) if not is_late} - known
        known |= new
        roster = roster.grown(np.zeros(len(new), dtype=np.int64))
        refused += late.tolist()
    return refused, roster


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    minutes = sorted(draw(st.lists(st.integers(5, 12), max_size=40)))
    return [(draw(st.integers(0, 12)), minute) for minute in minutes]


@given(arrivals())
def test_admit__takes_so_many_new_series_a_minute_and_in_all(arrivals: list[Arrival]) -> None:
    known, by_minute, expected = set[int](), dict[int, int](), list[bool]()
    for series, minute in arrivals:
        if series not in known and by_minute.get(minute, 0) < BOUNDS.new_per_min and len(known) < BOUNDS.most:
            known.add(series)
            by_minute[minute] = by_minute.get(minute, 0) + 1
        expected.append(series not in known)
    assert admitted(arrivals, [])[0] == expected


@given(arrivals(), st.lists(st.integers(0, 40), max_size=4))
def test_admit__is_the_same_however_the_readings_are_split(arrivals: list[Arrival], cuts: list[int]) -> None:
    refused, roster = admitted(arrivals, [])
    split, split_roster = admitted(arrivals, cuts)
    assert split == refused
    assert (split_roster.clock_min, split_roster.admitted) == (roster.clock_min, roster.admitted)


def test_admit__does_not_let_an_old_time_stamp_open_another_minute() -> None:
    first, roster = no_roster().admit(np.array([0, 1, 2]), np.array([9, 9, 9]), BOUNDS)
    second, _ = roster.grown(np.zeros(3, np.int64)).admit(np.array([3, 4]), np.array([2, 3]), BOUNDS)
    assert (first.tolist(), second.tolist()) == ([False] * 3, [True] * 2)


def heard(minutes: list[int], clock_min: int) -> Roster:
    wide = Bounds(forget_after_s=3600, new_per_min=99, most=99)
    _, roster = no_roster().admit(np.arange(len(minutes)), np.array(minutes), wide)
    roster, _ = roster.grown(np.zeros(len(minutes), np.int64)).heard(
        np.arange(len(minutes)), np.array(minutes), np.arange(1, len(minutes) + 1)
    )
    _, roster = roster.admit(np.array([-1]), np.array([clock_min]), BOUNDS)
    return roster


def test_due__names_the_series_that_are_silent_for_longer_than_the_horizon() -> None:
    roster = heard([100, 139, 140, 160], 200)
    assert roster.due(199, BOUNDS).tolist() == [0, 1]
    assert roster.due(200, BOUNDS).tolist() == []  # the clock stands still
    assert len(roster.without(roster.due(199, BOUNDS))) == 2


def test_heard__counts_series_of_a_state_without_a_roster_as_heard_now() -> None:
    _, roster = no_roster(3).admit(np.array([-1]), np.array([1000]), BOUNDS)
    roster, kept = roster.heard(np.array([1]), np.array([1000]), np.array([77]))
    assert (roster.seen_min.tolist(), kept.tolist()) == ([1000] * 3, [0])
    assert roster.due(999, BOUNDS).tolist() == []


def test_roster__survives_its_bytes() -> None:
    roster = heard([100, 139, 2000], 2001)
    again = from_bytes(to_bytes(roster), len(roster))
    assert to_bytes(again) == to_bytes(roster)
    assert again.seen_min.tolist() == [100, 139, 2000]
    assert again.mark.tolist() == [1, 2, 3]
