"""The order of a replay and its position, over a reader held in memory."""

from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.readings import MS_PER_DAY, ReadingBlock, Reason, Rejection, SourceSeries
from ingestion.replay.replay_progress import ReplayProgress, progress_from_json
from ingestion.replay.schedule import CursorPosition, Schedule, Slice
from ingestion.replay.timeline import Align, Span, base_days, tracks
from tests.support.examples import examples

DAY = MS_PER_DAY
NOW = 20_000 * DAY + 12 * 3_600_000


class Memory:
    """Two series, a reading every ``step_ms``, cut into blocks at ``cuts``; a rejection before each block."""

    dataset = "redd"
    series = (
        SourceSeries(house="1", channel="3", appliance="fridge"),
        SourceSeries(house="1", channel="4", appliance="kettle"),
    )

    def __init__(self, first_ms: int, count: int, step_ms: int, cuts: Sequence[int]) -> None:
        self._times = first_ms + np.arange(count, dtype=np.int64) // 2 * step_ms
        self._cuts = [0, *sorted({cut % count for cut in cuts} - {0}), count]

    def blocks(self) -> Iterator[ReadingBlock]:
        for start, end in zip(self._cuts, self._cuts[1:], strict=False):
            index = np.arange(start, end)
            yield ReadingBlock(
                series=(index % 2).astype(np.int32),
                source_time_ms=self._times[start:end],
                power_w=index.astype(np.float64),
                observed_s=np.ones(end - start),
                rejections=(Rejection(reason=Reason.MISSING, position=f"f:{start}", detail="", raw=b"", count=2),),
            )

    def span_ms(self) -> tuple[int, int]:
        return int(self._times[0]), int(self._times[-1])

    @property
    def span(self) -> Span:
        return Span(first_ms=self.span_ms()[0], last_ms=self.span_ms()[1])


memories = st.builds(
    Memory,
    first_ms=st.integers(10_000 * DAY, 10_002 * DAY),
    count=st.integers(2, 200),
    step_ms=st.integers(1, DAY // 8),
    cuts=st.lists(st.integers(1, 199), max_size=6),
)


def open_schedule(
    memory: Memory, align: Align, shifts: Sequence[int], start: Sequence[CursorPosition] = ()
) -> Schedule:
    base = base_days(memory.span, align, NOW)
    return Schedule(memory, tracks(memory.span, align, shifts, base), memory.span, shifts, start)


def play(schedule: Schedule, sizes: Sequence[int], until_ms: int | None = None) -> list[Slice]:
    slices: list[Slice] = []
    while (played := schedule.take(until_ms=until_ms, at_most=sizes[len(slices) % len(sizes)])) is not None:
        if not len(played) and not played.rejections:
            break
        slices.append(played)
    return slices


def rows(slices: Sequence[Slice]) -> list[tuple[int, int, int, float]]:
    return [
        row
        for part in slices
        for row in zip(
            part.series.tolist(), part.event_time_ms.tolist(), part.source_time_ms.tolist(), part.power_w.tolist(),
            strict=True,
        )
    ]  # fmt: skip


@given(memories, st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(1, 4))
def test_past__plays_everything_once_for_each_shift(memory: Memory, sizes: list[int], shifts: int) -> None:
    played = rows(play(open_schedule(memory, Align.PAST, range(shifts)), sizes))
    source = [row for block in memory.blocks() for row in zip(block.series, block.source_time_ms, strict=True)]
    for shift in range(shifts):
        mine = [(series % 2, time) for series, _, time, _ in played if series // 2 == shift]
        assert mine == source
        offsets = {event - time for series, event, time, _ in played if series // 2 == shift}
        assert offsets == {base_days(memory.span, Align.PAST, NOW) * DAY - shift * DAY}
    assert max(event for _, event, _, _ in played) <= NOW


@given(memories, st.lists(st.integers(1, 60), min_size=1, max_size=5), st.data())
def test_position__a_resumed_schedule_yields_exactly_the_rest(
    memory: Memory, sizes: list[int], data: st.DataObject
) -> None:
    align = data.draw(st.sampled_from(Align))
    shifts = data.draw(st.sampled_from([(0,), (0, 1), (2, 3, 7)]))
    whole = play(open_schedule(memory, align, shifts), sizes, NOW)
    if not whole:
        return
    account = ReplayProgress(base_days=0)
    cut = data.draw(st.integers(1, len(whole)))
    for part in whole[:cut]:
        account = account.after(part)
    account = progress_from_json(account.to_json())
    rest = play(open_schedule(memory, align, shifts, account.cursors), [37], NOW)
    assert sorted(rows(whole[:cut]) + rows(rest)) == sorted(rows(whole))
    for part in rest:
        account = account.after(part)
    expected = ReplayProgress(base_days=0)
    for part in whole:
        expected = expected.after(part)
    assert (account.read, account.delivered, account.rejected) == (
        expected.read, expected.delivered, expected.rejected,
    )  # fmt: skip
    assert account.read == account.delivered + sum(account.rejected.values())


@given(memories, st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_today__is_monotone_and_never_after_now(memory: Memory, sizes: list[int]) -> None:
    played = rows(play(open_schedule(memory, Align.TODAY, (0, 1, 5)), sizes, NOW))
    times = [event for _, event, _, _ in played]
    assert times == sorted(times)
    assert all(time <= NOW for time in times)


def test_today__goes_round_again_when_the_data_ends() -> None:
    memory = Memory(10_000 * DAY, 48, 2 * 3_600_000, [10, 30])  # two days, a reading of each series every 2 h
    schedule = open_schedule(memory, Align.TODAY, (0, 1))
    played = rows(play(schedule, [7], NOW + 3 * DAY))
    for series in range(4):
        mine = [event for s, event, _, _ in played if s == series]
        assert set(np.diff(mine).tolist()) == {2 * 3_600_000}
        assert mine[-1] == NOW + 3 * DAY
    day_of = {(series // 2, event // DAY): time // DAY for series, event, time, _ in played}
    assert [day_of[0, 19_999 + d] for d in range(5)] == [10_000, 10_001] * 2 + [10_000]
    assert [day_of[1, 19_999 + d] for d in range(5)] == [10_001, 10_000] * 2 + [10_001]


def test_take__holds_back_what_is_not_due() -> None:
    memory = Memory(10_000 * DAY, 10, 1000, [])
    schedule = open_schedule(memory, Align.PAST, (0,))
    first = schedule.next_time_ms()
    assert first is not None
    due = schedule.take(until_ms=first + 1500, at_most=100)
    assert due is not None
    assert len(due) == 4
    nothing = schedule.take(until_ms=first + 1500, at_most=100)
    assert nothing is not None
    assert (len(nothing), nothing.rejections) == (0, ())
    assert schedule.next_time_ms() == first + 2000


@settings(max_examples=examples(40))
@given(memories, st.lists(st.integers(20, 60), min_size=1, max_size=5), st.integers(0, 3))
def test_rejections__of_a_block_that_the_start_day_cuts_are_told_once(
    memory: Memory, sizes: list[int], start: int
) -> None:
    shift = start % memory.span.days
    first_ms = (memory.span.first_day + shift) * DAY
    expected = [
        block.rejections[0].position for block in memory.blocks() if not shift or block.source_time_ms[-1] >= first_ms
    ]
    account, found, steps = ReplayProgress(base_days=0), list[str](), 0
    round_end_ms = (NOW // DAY - shift + 1) * DAY - 1
    while True:
        schedule = open_schedule(memory, Align.TODAY, (shift,), account.cursors)
        played = schedule.take(until_ms=round_end_ms, at_most=sizes[steps % len(sizes)])
        if played is None or not (len(played) or played.rejections):
            break
        account, steps = progress_from_json(account.after(played).to_json()), steps + 1
        found += [rejection.position for rejection, _ in played.rejections]
    assert found == expected


def test_rejections__are_played_once_and_count_for_every_virtual_house() -> None:
    memory = Memory(10_000 * DAY, 100, 1000, [50])
    played = play(open_schedule(memory, Align.PAST, (0, 1, 2)), [9])
    found = [(rejection.position, houses) for part in played for rejection, houses in part.rejections]
    assert found == [("f:0", 3), ("f:50", 3)]
